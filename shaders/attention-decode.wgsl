// Attention of one new position, split over the context: a workgroup takes one key/value head and `Panels` panels of 32
// positions. Its threads take a position each for the scores, then 4 dimensions of a head each for the values, so
// every key and value is read once for all heads that share it. attention-reduce.wgsl joins the splits.
struct Params {
  heads : u32,
  kv_heads : u32,
  window : u32, // 0: none
  scale : f32,
}

override Panels : u32 = 4u;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> state : State;
@group(0) @binding(3) var<storage, read> query : array<vec4<f32>>; // (head, HeadVec4s)
@group(0) @binding(4) var<storage, read> keys : array<Cached>;     // (position / 32, kv head, HeadVec4s + CacheScales, position % 32)
@group(0) @binding(5) var<storage, read> values : array<Cached>;   // (position, kv head, HeadVec4s + CacheScales)
@group(0) @binding(6) var<storage, read_write> partials : array<vec4<f32>>; // (split, head, HeadVec4s + 1): sums, then (max, total)

var<workgroup> scores : array<vec4<f32>, 32>; // (position) of up to 4 heads

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let row = HeadVec4s + CacheScales;
  let kv_head = workgroup.y;
  let group_size = params.heads / params.kv_heads;
  let position = state.position;
  let first_head = kv_head * group_size + workgroup.z * 4u;
  let heads_here = min(4u, group_size - workgroup.z * 4u);
  let begin = select(0u, position + 1u - min(params.window, position + 1u), params.window > 0u);
  // This thread's values: items (head, 4 dimensions), up to 8 of them for 4 heads of 256 dimensions.
  var sums = array<vec4<f32>, 8>();
  var largest = vec4<f32>(-1e30);
  var totals = vec4<f32>();
  for (var p = 0u; p < Panels; p++) {
    let panel = workgroup.x * Panels + p;
    if (panel * 32u > position || panel * 32u + 31u < begin) {
      continue;
    }
    var score = vec4<f32>();
    let key = (panel * params.kv_heads + kv_head) * row * 32u + local;
    for (var d = 0u; d < HeadVec4s; d++) {
      let k = cache_unpack(keys[key + d * 32u]);
      for (var h = 0u; h < 4u; h++) {
        score[h] += dot(query[(first_head + min(h, heads_here - 1u)) * HeadVec4s + d], k);
      }
    }
    score *= cache_unpack_scale(keys[key + HeadVec4s * 32u]) * params.scale;
    let at = panel * 32u + local;
    let seen = at <= position && at >= begin;
    scores[local] = select(vec4<f32>(-1e30), score, seen);
    workgroupBarrier();
    var now = largest;
    for (var i = 0u; i < 32u; i++) {
      now = max(now, scores[i]);
    }
    let fade = exp(largest - now);
    largest = now;
    totals *= fade;
    for (var j = 0u; j < 8u; j++) {
      sums[j] *= fade[min((local + j * 32u) / HeadVec4s, 3u)];
    }
    for (var i = 0u; i < 32u; i++) {
      let spot = panel * 32u + i;
      if (spot <= position && spot >= begin) {
        let value = (spot * params.kv_heads + kv_head) * row;
        let weight = exp(scores[i] - now);
        totals += weight;
        let share = weight * cache_unpack_scale(values[value + HeadVec4s]);
        for (var j = 0u; j < 8u; j++) {
          let item = local + j * 32u;
          if (item < heads_here * HeadVec4s) {
            sums[j] += share[item / HeadVec4s] * cache_unpack(values[value + item % HeadVec4s]);
          }
        }
      }
    }
    workgroupBarrier();
  }
  let start = (workgroup.x * params.heads + first_head) * (HeadVec4s + 1u);
  for (var j = 0u; j < 8u; j++) {
    let item = local + j * 32u;
    if (item < heads_here * HeadVec4s) {
      partials[start + (item / HeadVec4s) * (HeadVec4s + 1u) + item % HeadVec4s] = sums[j];
    }
  }
  if (local < heads_here) {
    partials[start + local * (HeadVec4s + 1u) + HeadVec4s] = vec4<f32>(largest[local], totals[local], 0.0, 0.0);
  }
}
