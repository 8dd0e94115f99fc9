// Attention of one new position to the slots of a segment, split: a workgroup takes one key/value head, `Span` slots and up to 8
// heads that share them. Its threads take a slot each for the scores, then 4 dimensions each for the values, so that
// every key and value is read once for these heads. attention-reduce.wgsl joins the splits. `Threads` (32 or 128): the more,
// the more reads are under way at a time, and the more there is to join. Span is a multiple of Threads.
struct Params {
  heads : u32,
  kv_heads : u32,
  head_vec4s : u32, // HeadVec4s, as a bound that no compiler unrolls: Mesa's code would be slower for it
  window : u32,     // 0: none
  scale : f32,
  softcap : f32,
  first_split : u32, // of this segment in `partials`
  set_index : u32,         // of the layer's, where the segment is one
  // Where queries are turned here (query/), as in rope.wgsl:
  head_dim : u32,
  stride : u32,      // floats per row of attended
  qkv_stride : u32,
  rope_dims : u32,
  first_angle : u32,
  query_norm : u32,
  key_norm : u32,
  eps : f32,
  temperature : f32,
  period : u32,
}

const Dims = (HeadVec4s + Threads - 1u) / Threads; // vec4s of a head per thread
const Teams = max(1u, Threads / HeadVec4s);        // slots at a time
const Lanes = min(HeadVec4s, Threads);             // threads per slot
const Together = min(Heads, 256u / Threads);       // heads whose slots are joined at a time
// Reads of a thread that are under way at a time. Few threads are for processors, which do not wait for them.
const Ahead = min(2u, Threads / 32u);
const Apart : bool = false; // as eight/ has it: nothing is read together with other threads
const KeysAhead = max(1u, Ahead - min(HeadVec4s % 4u, 1u)); // 1 unless HeadVec4s % 4 is 0; naga takes no select here

override Softcap : bool = false;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> state : State;
@group(0) @binding(5) var<storage, read_write> partials : array<vec4<f32>>; // (split, head, HeadVec4s + 1): sums, then (max, total, last split)

var<workgroup> shares : array<f32, Heads * Span>;               // (head, slot): scores, then what each value counts
var<workgroup> of_threads : array<f32, Heads * Threads>;        // (head, thread): maxima, then totals
var<workgroup> maxima : array<f32, Heads>;
var<workgroup> of_teams : array<vec4<f32>, Together * Threads>; // (head, thread): sums

@compute @workgroup_size(Threads)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let kv_head = workgroup.y;
  let group_size = params.heads / params.kv_heads;
  let first_head = kv_head * group_size + workgroup.z * Heads;
  let heads_here = min(Heads, group_size - workgroup.z * Heads);
  let length = slots_seen(0u, kv_head);
  let begin = max(slots_from(), select(0u, length - min(params.window, length), params.window > 0u));
  // Of this split, those slots are seen.
  let first = (begin / Span + workgroup.x) * Span;
  let low = max(first, begin) - first;
  let high = max(first, min(first + Span, length)) - first;

  // Once: a compiler that sees stores between may read the state anew for every dimension.
  let from_query = queries_from(first_head);
  make_ready(first_head, heads_here, kv_head, first + Span >= length, local);

  var largest : array<f32, Heads>;
  for (var h = 0u; h < Heads; h++) {
    largest[h] = -1e30;
  }
  for (var at = local; at < high; at += Threads) {
    if (at < low) {
      continue;
    }
    let slot = slot_of(first + at, kv_head);
    let page = page_of(slot, kv_head);
    var score = array<f32, Heads>();
    for (var d = 0u; d < params.head_vec4s; d += KeysAhead) {
      var k : array<vec4<f32>, KeysAhead>;
      for (var i = 0u; i < KeysAhead; i++) {
        k[i] = key4(page, d + i, slot % 32u);
      }
      for (var i = 0u; i < KeysAhead; i++) {
        for (var h = 0u; h < Heads; h++) {
          score[h] += dot(query4(from_query, min(h, heads_here - 1u), d + i), k[i]);
        }
      }
    }
    let scale = key_scale(page, slot % 32u) * params.scale;
    for (var h = 0u; h < Heads; h++) {
      score[h] *= scale;
      if (Softcap) {
        score[h] = params.softcap * tanh(clamp(score[h] / params.softcap, -20.0, 20.0));
      }
      if (Biased) {
        score[h] += bias_of(page, slot % 32u);
      }
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

  // Each slot's weight once; a value's scale goes with it.
  var totals : array<f32, Heads>;
  for (var at = local; at < high; at += Threads) {
    if (at < low) {
      continue;
    }
    let slot = slot_of(first + at, kv_head);
    let scale = value_scale(page_of(slot, kv_head), slot % 32u);
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

  let team = local / Lanes;
  let lane = local % Lanes;
  var sums : array<array<vec4<f32>, Heads>, Dims>;
  if (team < Teams) {
    for (var at = low + team; at < high; at += Ahead * Teams) {
      for (var j = 0u; j < Dims; j++) {
        let d = lane + j * Lanes;
        if (d < HeadVec4s) {
          var v : array<vec4<f32>, Ahead>;
          for (var i = 0u; i < Ahead; i++) {
            let slot = slot_of(first + min(at + i * Teams, high - 1u), kv_head);
            v[i] = value4(page_of(slot, kv_head), slot % 32u, d);
          }
          for (var i = 0u; i < Ahead; i++) {
            let seen = at + i * Teams < high;
            if (i == 0u || i <= params.heads) { // always, but no compiler reads all shares at once, which is more than the registers of some GPUs
              for (var h = 0u; h < Heads; h++) {
                sums[j][h] += select(0.0, shares[h * Span + at + i * Teams], seen) * v[i];
              }
            }
          }
        }
      }
    }
  }
  // Every place in `sums` is a constant: with one that is not, drivers keep all of it in memory.
  let next = HeadVec4s + 1u;
  let start = ((params.first_split + workgroup.x) * params.heads + first_head) * next;
  if (Teams == 1u) {
    for (var j = 0u; j < Dims; j++) {
      let d = lane + j * Lanes;
      for (var h = 0u; h < Heads; h++) {
        if (h < heads_here && team == 0u && d < HeadVec4s) {
          partials[start + h * next + d] = sums[j][h];
        }
      }
    }
  } else {
    for (var some = 0u; some < Heads; some += Together) {
      for (var h = 0u; h < Heads; h++) {
        if (h / Together == some / Together) {
          of_teams[(h - some) * Threads + local] = sums[0][h];
        }
      }
      workgroupBarrier();
      for (var h = some + team; team < Teams && h < min(heads_here, some + Together); h += Teams) {
        var sum = vec4<f32>();
        for (var s = 0u; s < Teams; s++) {
          sum += of_teams[(h - some) * Threads + s * Lanes + lane];
        }
        partials[start + h * next + lane] = sum;
      }
      workgroupBarrier();
    }
  }
  let last = (length - 1u) / Span - begin / Span;
  if (local < heads_here) {
    var total = 0.0;
    for (var i = 0u; i < 32u; i++) {
      total += of_threads[local * Threads + i];
    }
    partials[start + local * next + HeadVec4s] = vec4<f32>(maxima[local], total, f32(last), 0.0);
  }
  finish(start, first_head, heads_here, last == 0u, local);
}
