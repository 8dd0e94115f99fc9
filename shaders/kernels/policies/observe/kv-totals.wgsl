// totals[segment][query][head] = maximum of the query's scores over the slots of a segment that it sees, and the sum of exp(score -
// maximum): of what kv-observe.wgsl makes probabilities. A workgroup takes a head and a query, its threads slots in turn.
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
  scale : f32,
  softcap : f32,
}

const Threads = 64u;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(5) var<storage, read_write> totals : array<vec2<f32>>; // (segment, query, head), of `queries` queries

var<workgroup> of_threads : array<vec2<f32>, Threads>;

fn joined(a : vec2<f32>, b : vec2<f32>) -> vec2<f32> {
  let most = max(a.x, b.x);
  return vec2<f32>(most, a.y * exp(a.x - most) + b.y * exp(b.x - most));
}

@compute @workgroup_size(Threads)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let head = workgroup.x;
  let query = workgroup.y;
  let position = first_query() + query;
  let kv_head = head / (params.heads / params.kv_heads);
  var total = vec2<f32>(-1e30, 0.0);
  for (var n = local; n < slots_of(kv_head) && sees(position, n); n += Threads) {
    let slot = slot_at(n);
    total = joined(total, vec2<f32>(score_of(position, head, page_of(slot, kv_head), slot), 1.0));
  }
  of_threads[local] = total;
  for (var stride = Threads / 2u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    if (local < stride) {
      of_threads[local] = joined(of_threads[local], of_threads[local + stride]);
    }
  }
  if (local == 0u) {
    totals[(params.segment * params.queries + query) * params.heads + head] = of_threads[0];
  }
}
