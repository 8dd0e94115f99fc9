// Attention of one new position, split over the context: a workgroup takes one key/value head, `Span` positions and up to 8
// heads that share them. Its threads take a position each for the scores, then 4 dimensions each for the values, so that
// every key and value is read once for these heads. attention-reduce.wgsl joins the splits.
struct Params {
  heads : u32,
  kv_heads : u32,
  head_vec4s : u32, // HeadVec4s, as a bound that no compiler unrolls: Mesa's code would be slower for it
  window : u32,     // 0: none
  scale : f32,
}

override Span : u32 = 128u; // a multiple of 32
const Dims = (HeadVec4s + 31u) / 32u;   // vec4s of a head per thread
const Slots = max(1u, 32u / HeadVec4s); // positions at a time
const Lanes = min(HeadVec4s, 32u);      // threads per position

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> state : State;
@group(0) @binding(3) var<storage, read> query : array<vec4<f32>>; // (head, HeadVec4s)
@group(0) @binding(4) var<storage, read> keys : array<Cached>;     // (position / 32, kv head, HeadVec4s + CacheScales, position % 32)
@group(0) @binding(5) var<storage, read> values : array<Cached>;   // (position, kv head, HeadVec4s + CacheScales)
@group(0) @binding(6) var<storage, read_write> partials : array<vec4<f32>>; // (split, head, HeadVec4s + 1): sums, then (max, total)

var<workgroup> shares : array<f32, Heads * Span>;       // (head, position): scores, then what each value counts
var<workgroup> of_threads : array<f32, Heads * 32>;     // (head, thread): maxima, then totals
var<workgroup> maxima : array<f32, Heads>;
var<workgroup> of_slots : array<vec4<f32>, Heads * 32>; // (head, thread): sums

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let row = HeadVec4s + CacheScales;
  let kv_head = workgroup.y;
  let group_size = params.heads / params.kv_heads;
  let first_head = kv_head * group_size + workgroup.z * Heads;
  let heads_here = min(Heads, group_size - workgroup.z * Heads);
  let length = state.position + 1u;
  let begin = select(0u, length - min(params.window, length), params.window > 0u);
  // Of this split, those positions are seen.
  let first = workgroup.x * Span;
  let low = max(first, begin) - first;
  let high = max(first, min(first + Span, length)) - first;

  var largest : array<f32, Heads>;
  for (var h = 0u; h < Heads; h++) {
    largest[h] = -1e30;
  }
  for (var at = local; at < high; at += 32u) {
    if (at < low) {
      continue;
    }
    let key = (((first + at) / 32u * params.kv_heads + kv_head) * row) * 32u + local;
    var score = array<f32, Heads>();
    for (var d = 0u; d < params.head_vec4s; d++) {
      let k = cache_unpack(keys[key + d * 32u]);
      for (var h = 0u; h < Heads; h++) {
        score[h] += dot(query[(first_head + min(h, heads_here - 1u)) * HeadVec4s + d], k);
      }
    }
    let scale = cache_unpack_scale(keys[key + HeadVec4s * 32u]) * params.scale;
    for (var h = 0u; h < Heads; h++) {
      score[h] *= scale;
      shares[h * Span + at] = score[h];
      largest[h] = max(largest[h], score[h]);
    }
  }
  for (var h = 0u; h < Heads; h++) {
    of_threads[h * 32u + local] = largest[h];
  }
  workgroupBarrier();
  if (local < Heads) {
    var most = -1e30;
    for (var i = 0u; i < 32u; i++) {
      most = max(most, of_threads[local * 32u + i]);
    }
    maxima[local] = most;
  }
  workgroupBarrier();

  // Each position's weight once; a value's scale goes with it.
  var totals : array<f32, Heads>;
  for (var at = local; at < high; at += 32u) {
    if (at < low) {
      continue;
    }
    let scale = cache_unpack_scale(values[((first + at) * params.kv_heads + kv_head) * row + HeadVec4s]);
    for (var h = 0u; h < Heads; h++) {
      let weight = exp(shares[h * Span + at] - maxima[h]);
      totals[h] += weight;
      shares[h * Span + at] = weight * scale;
    }
  }
  for (var h = 0u; h < Heads; h++) {
    of_threads[h * 32u + local] = totals[h];
  }
  workgroupBarrier();

  let slot = local / Lanes;
  let lane = local % Lanes;
  var sums : array<array<vec4<f32>, Heads>, Dims>;
  if (slot < Slots) {
    for (var at = low + slot; at < high; at += Slots) {
      let value = ((first + at) * params.kv_heads + kv_head) * row;
      for (var j = 0u; j < Dims; j++) {
        let d = lane + j * 32u;
        if (d < HeadVec4s) {
          let v = cache_unpack(values[value + d]);
          for (var h = 0u; h < Heads; h++) {
            sums[j][h] += shares[h * Span + at] * v;
          }
        }
      }
    }
  }
  let next = HeadVec4s + 1u;
  let start = (workgroup.x * params.heads + first_head) * next;
  for (var j = 0u; j < Dims; j++) {
    let d = lane + j * 32u;
    if (Slots > 1u) {
      for (var h = 0u; h < Heads; h++) {
        of_slots[h * 32u + local] = sums[j][h];
      }
      workgroupBarrier();
    }
    if (slot == 0u && d < HeadVec4s) {
      for (var h = 0u; h < heads_here; h++) {
        var sum = sums[j][h];
        for (var s = 1u; s < Slots; s++) {
          sum += of_slots[h * 32u + s * Lanes + lane];
        }
        partials[start + h * next + d] = sum;
      }
    }
  }
  if (local < heads_here) {
    var total = 0.0;
    for (var i = 0u; i < 32u; i++) {
      total += of_threads[local * 32u + i];
    }
    partials[start + local * next + HeadVec4s] = vec4<f32>(maxima[local], total, 0.0, 0.0);
  }
}
