// Which block of sorted slots each query of a step reads: that in which the middle of the query's own bucket lies; and the queries of each block. A workgroup
// takes a kv head, a thread some of the queries of its group. After state.wgsl, hashed/planes.wgsl and hashed/sorted.wgsl.
struct Params {
  heads : u32,
  kv_heads : u32,
  head_vec4s : u32, // HeadVec4s, as a bound that no compiler unrolls
  layer : u32,
  most : u32,
  most_blocks : u32,
  most_queries : u32,
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> state : State;
@group(0) @binding(3) var<storage, read> query : array<vec4<f32>>; // (token, head, HeadVec4s)
@group(0) @binding(5) var<storage, read_write> sorted : array<u32>;

var<workgroup> counts : array<atomic<u32>, MostBlocks>;

fn block_of(item : u32, kv_head : u32) -> u32 {
  let group = params.heads / params.kv_heads;
  let first = ((state.first + item / group) * params.heads + kv_head * group + item % group) * params.head_vec4s;
  var code = 0u;
  for (var plane = 0u; plane < Planes; plane++) {
    let seed = seed_of(kv_head, plane);
    var product = 0.0;
    for (var d = 0u; d < params.head_vec4s; d++) {
      product += dot(query[first + d], signs4(seed, d));
    }
    code |= select(0u, 1u << plane, product > 0.0);
  }
  let start = kv_head * words_of_head();
  let bucket = bucket_of(code);
  let middle = (sorted[start + bucket] + sorted[start + bucket + 1u]) / 2u;
  return min(middle, sorted[start + Buckets] - 1u) / Block;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  let kv_head = workgroup.x;
  let items = state.rows * (params.heads / params.kv_heads);
  for (var item = thread; item < items; item += 64u) {
    atomicAdd(&counts[block_of(item, kv_head)], 1u);
  }
  workgroupBarrier();
  if (thread == 0u) {
    var before = 0u;
    for (var block = 0u; block < params.most_blocks; block++) {
      sorted[blocks_at(kv_head) + block] = before;
      before += atomicExchange(&counts[block], before);
    }
    sorted[blocks_at(kv_head) + params.most_blocks] = before;
  }
  workgroupBarrier();
  // Which of a block's queries comes first does not matter: each is read by itself.
  for (var item = thread; item < items; item += 64u) {
    sorted[queries_at(kv_head) + atomicAdd(&counts[block_of(item, kv_head)], 1u)] = item;
  }
}
