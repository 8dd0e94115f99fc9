// What the queries that were kept pay to each slot of a segment, as into-*.wgsl makes a score of it. A thread takes a slot and goes
// through the queries, the oldest first, and the heads of its group.
struct Params {
  heads : u32,
  kv_heads : u32,
  head_vec4s : u32, // HeadVec4s, as a bound that no compiler unrolls
  queries : u32,    // rows of `last_queries`
  observed : u32,   // the last so many queries; 0: all since the tick before
  length : u32,     // positions that were run
  base : u32,       // of the first fresh slot
  since : u32,      // positions at the tick before
  set_index : u32,
  segments : u32,   // whose totals there are
  most : u32,       // slots of a head that `scores` has room for
  planes : u32,     // of a slot
  plane : u32,      // the first that is read and written, if any is
  scale : f32,
  softcap : f32,
  alpha : f32,      // from which share on a slot is active
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read_write> scores : array<u32>;     // (kv head, index)
@group(0) @binding(5) var<storage, read> totals : array<vec2<f32>>;     // (segment, query, head), of `queries` queries

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3<u32>) {
  let n = id.x;
  let kv_head = id.y;
  if (n >= slots_of(kv_head)) {
    return;
  }
  let group = params.heads / params.kv_heads;
  let slot = slot_at(n);
  let page = page_of(slot, kv_head);
  begin(page, slot, n);
  let first = first_query();
  for (var position = first; position < params.length; position++) {
    if (!sees(position, n)) {
      continue;
    }
    var sum = 0.0;
    var most = 0.0;
    for (var h = 0u; h < group; h++) {
      let p = probability(position - first, position, kv_head * group + h, page, slot);
      sum += p;
      most = max(most, p);
    }
    add(position, slot, n, sum / f32(group), most);
  }
  let index = index_of(n, kv_head);
  if (index < params.most) {
    scores[kv_head * params.most + index] = finish(page, slot, params.length - first);
  }
}
