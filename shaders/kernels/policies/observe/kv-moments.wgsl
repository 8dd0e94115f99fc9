// moments[first + row] += what a query's shares of the slots of a segment come to: (share ln share, the second and the fourth power of how far a share is
// from the mean of all slots), of a row for each head and query. A workgroup takes a head and a query, its threads slots in turn.
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
  segment : u32,    // the sets, then the fresh slots
  segments : u32,
  first : u32,      // row of the layer
  slots : u32,      // of a head, of all segments
  scale : f32,
  softcap : f32,
}

const Threads = 64u;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read_write> moments : array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> totals : array<vec2<f32>>; // (segment, query, head), of `queries` queries

var<workgroup> sums : array<vec4<f32>, Threads>;

@compute @workgroup_size(Threads)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let head = workgroup.x;
  let query = workgroup.y;
  let position = first_query() + query;
  let kv_head = head / (params.heads / params.kv_heads);
  let mean = 1.0 / f32(params.slots);
  var own = vec4<f32>();
  for (var n = local; n < slots_of(kv_head); n += Threads) {
    let slot = slot_at(n);
    let share = select(0.0, probability(query, position, head, page_of(slot, kv_head), slot), sees(position, n));
    let off = share - mean;
    own += vec4<f32>(select(0.0, share * log(max(share, 1e-30)), share > 0.0), off * off, off * off * off * off, 0.0);
  }
  sums[local] = own;
  for (var stride = Threads / 2u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    if (local < stride) {
      sums[local] += sums[local + stride];
    }
  }
  if (local == 0u) {
    let row = params.first + query * params.heads + head;
    moments[row] = sums[0] + select(vec4<f32>(), moments[row], params.segment > 0u);
  }
}
