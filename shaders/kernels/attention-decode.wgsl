// Attention of one new position, split over the context: a workgroup takes one key/value head, `Span` positions and up to 8
// heads that share them. Its threads take a position each for the scores, then 4 dimensions each for the values, so that
// every key and value is read once for these heads. attention-reduce.wgsl joins the splits. `Threads` (32 or 128): the more,
// the more reads are under way at a time, and the more there is to join. Span is a multiple of Threads.
struct Params {
  heads : u32,
  kv_heads : u32,
  head_vec4s : u32, // HeadVec4s, as a bound that no compiler unrolls: Mesa's code would be slower for it
  window : u32,     // 0: none
  scale : f32,
}

const Dims = (HeadVec4s + Threads - 1u) / Threads; // vec4s of a head per thread
const Slots = max(1u, Threads / HeadVec4s);        // positions at a time
const Lanes = min(HeadVec4s, Threads);             // threads per position
const Together = min(Heads, 256u / Threads);       // heads whose slots are joined at a time
// Reads of a thread that are under way at a time. Few threads are for processors, which do not wait for them.
const Ahead = min(2u, Threads / 32u);
const KeysAhead = max(1u, Ahead - min(HeadVec4s % 4u, 1u)); // 1 unless HeadVec4s % 4 is 0; naga takes no select here

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> state : State;
@group(0) @binding(3) var<storage, read> query : array<vec4<f32>>; // (head, HeadVec4s)
@group(0) @binding(4) var<storage, read> keys : array<Cached>;     // (position / 32, kv head, HeadVec4s + CacheScales, position % 32)
@group(0) @binding(5) var<storage, read> values : array<Cached>;   // (position, kv head, HeadVec4s + CacheScales)
@group(0) @binding(6) var<storage, read_write> partials : array<vec4<f32>>; // (split, head, HeadVec4s + 1): sums, then (max, total)

var<workgroup> shares : array<f32, Heads * Span>;               // (head, position): scores, then what each value counts
var<workgroup> of_threads : array<f32, Heads * Threads>;        // (head, thread): maxima, then totals
var<workgroup> maxima : array<f32, Heads>;
var<workgroup> of_slots : array<vec4<f32>, Together * Threads>; // (head, thread): sums

@compute @workgroup_size(Threads)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let row = HeadVec4s + CacheScales;
  let kv_head = workgroup.y;
  let group_size = params.heads / params.kv_heads;
  let first_head = kv_head * group_size + workgroup.z * Heads;
  let heads_here = min(Heads, group_size - workgroup.z * Heads);
  let length = state.position + 1u;
  let begin = select(0u, length - min(params.window, length), params.window > 0u);
  // Of this split, those positions are seen.
  let first = (begin / Span + workgroup.x) * Span;
  let low = max(first, begin) - first;
  let high = max(first, min(first + Span, length)) - first;

  var largest : array<f32, Heads>;
  for (var h = 0u; h < Heads; h++) {
    largest[h] = -1e30;
  }
  for (var at = local; at < high; at += Threads) {
    if (at < low) {
      continue;
    }
    let key = ((first + at) / 32u * params.kv_heads + kv_head) * row * 32u + at % 32u;
    var score = array<f32, Heads>();
    for (var d = 0u; d < params.head_vec4s; d += KeysAhead) {
      var k : array<vec4<f32>, KeysAhead>;
      for (var i = 0u; i < KeysAhead; i++) {
        k[i] = cache_unpack(keys[key + (d + i) * 32u]);
      }
      for (var i = 0u; i < KeysAhead; i++) {
        for (var h = 0u; h < Heads; h++) {
          score[h] += dot(query[(first_head + min(h, heads_here - 1u)) * HeadVec4s + d + i], k[i]);
        }
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
    of_threads[h * Threads + local] = largest[h];
  }
  workgroupBarrier();
  if (Threads > 32u) {
    for (var i = local + 32u; local < 32u && i < Threads; i += 32u) {
      for (var h = 0u; h < Heads; h++) {
        of_threads[h * Threads + local] = max(of_threads[h * Threads + local], of_threads[h * Threads + i]);
      }
    }
    workgroupBarrier();
  }
  if (local < Heads) {
    var most = -1e30;
    for (var i = 0u; i < 32u; i++) {
      most = max(most, of_threads[local * Threads + i]);
    }
    maxima[local] = most;
  }
  workgroupBarrier();

  // Each position's weight once; a value's scale goes with it.
  var totals : array<f32, Heads>;
  for (var at = local; at < high; at += Threads) {
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
    of_threads[h * Threads + local] = totals[h];
  }
  workgroupBarrier();
  if (Threads > 32u) {
    for (var i = local + 32u; local < 32u && i < Threads; i += 32u) {
      for (var h = 0u; h < Heads; h++) {
        of_threads[h * Threads + local] += of_threads[h * Threads + i];
      }
    }
    workgroupBarrier();
  }

  let slot = local / Lanes;
  let lane = local % Lanes;
  var sums : array<array<vec4<f32>, Heads>, Dims>;
  if (slot < Slots) {
    for (var at = low + slot; at < high; at += Ahead * Slots) {
      for (var j = 0u; j < Dims; j++) {
        let d = lane + j * Lanes;
        if (d < HeadVec4s) {
          var v : array<vec4<f32>, Ahead>;
          for (var i = 0u; i < Ahead; i++) {
            let position = first + min(at + i * Slots, high - 1u);
            v[i] = cache_unpack(values[(position * params.kv_heads + kv_head) * row + d]);
          }
          for (var i = 0u; i < Ahead; i++) {
            let seen = at + i * Slots < high;
            for (var h = 0u; h < Heads; h++) {
              sums[j][h] += select(0.0, shares[h * Span + at + i * Slots], seen) * v[i];
            }
          }
        }
      }
    }
  }
  let next = HeadVec4s + 1u;
  let start = (workgroup.x * params.heads + first_head) * next;
  if (Slots == 1u) {
    for (var j = 0u; j < Dims; j++) {
      let d = lane + j * Lanes;
      for (var h = 0u; h < heads_here && slot == 0u && d < HeadVec4s; h++) {
        partials[start + h * next + d] = sums[j][h];
      }
    }
  } else {
    for (var some = 0u; some < Heads; some += Together) {
      for (var h = some; h < min(Heads, some + Together); h++) {
        of_slots[(h - some) * Threads + local] = sums[0][h];
      }
      workgroupBarrier();
      for (var h = some + slot; slot < Slots && h < min(heads_here, some + Together); h += Slots) {
        var sum = vec4<f32>();
        for (var s = 0u; s < Slots; s++) {
          sum += of_slots[(h - some) * Threads + s * Lanes + lane];
        }
        partials[start + h * next + lane] = sum;
      }
      workgroupBarrier();
    }
  }
  if (local < heads_here) {
    var total = 0.0;
    for (var i = 0u; i < 32u; i++) {
      total += of_threads[local * Threads + i];
    }
    partials[start + local * next + HeadVec4s] = vec4<f32>(maxima[local], total, 0.0, 0.0);
  }
}
