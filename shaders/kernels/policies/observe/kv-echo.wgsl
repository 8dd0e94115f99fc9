// How much of its attention a head gives to where the same token was `period` positions before, and to what followed it there: echoes[head] += both
// shares of the queries since the tick before that have such positions among the fresh slots. One workgroup per head. After kv-totals.wgsl.
struct Params {
  heads : u32,
  kv_heads : u32,
  head_vec4s : u32, // HeadVec4s, as a bound that no compiler unrolls
  queries : u32,    // rows of `last_queries`
  observed : u32,   // 0
  length : u32,     // positions that were run
  base : u32,       // of the first fresh slot
  since : u32,      // positions at the tick before
  set_index : u32,
  segments : u32,   // whose totals there are
  period : u32,
  first : u32,      // of the layer's heads in `echoes`
  scale : f32,
  softcap : f32,
}

const Threads = 64u;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read_write> echoes : array<f32>;
@group(0) @binding(5) var<storage, read> totals : array<vec2<f32>>; // (segment, query, head), of `queries` queries

var<workgroup> of_threads : array<f32, Threads>;

fn share(query : u32, position : u32, head : u32, kv_head : u32, slot : u32) -> f32 {
  return probability(query, position, head, page_of(slot, kv_head), slot);
}

@compute @workgroup_size(Threads)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let head = workgroup.x;
  let kv_head = head / (params.heads / params.kv_heads);
  let first = first_query();
  var sum = 0.0;
  for (var query = local; first + query < params.length; query += Threads) {
    let position = first + query;
    if (position >= params.base + params.period) {
      let before = position - params.period;
      sum += share(query, position, head, kv_head, before) + share(query, position, head, kv_head, before + 1u);
    }
  }
  of_threads[local] = sum;
  for (var stride = Threads / 2u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    if (local < stride) {
      of_threads[local] += of_threads[local + stride];
    }
  }
  if (local == 0u) {
    echoes[params.first + head] += of_threads[0];
  }
}
