// Joins the splits of attention-decode.wgsl, of `Span` slots each, as splits/ tells them: attended[first][head] = sum of the splits' sums, each
// weighted by its maximum. A workgroup takes a head; its threads take 4 dimensions each, of some splits at a time.
struct Params {
  heads : u32,
  kv_heads : u32,
  head_dim : u32,
  window : u32, // 0: none
  stride : u32, // floats per row of attended
  sets : u32,       // of the layer
  set_splits : u32, // that there is room for of each
  sinks : u32, // float index in `vectors`
  set_scale : f32, // what the logarithm of the sum of all that sets hold is multiplied by (APE, arXiv 2502.05431)
}

const Dims = (HeadVec4s + Threads - 1u) / Threads; // vec4s of a head per thread
const Teams = max(1u, Threads / HeadVec4s);        // splits at a time
const Lanes = min(HeadVec4s, Threads);             // threads per split

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> state : State;
@group(0) @binding(3) var<storage, read> partials : array<vec4<f32>>; // (split, head, HeadVec4s + 1): sums, then (max, total)
@group(0) @binding(4) var<storage, read_write> attended : array<f32>;

var<workgroup> of_teams : array<vec4<f32>, Threads>; // sums
var<workgroup> weights : array<vec2<f32>, Teams>;    // (max, total)

@compute @workgroup_size(Threads)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let head = workgroup.x;
  let team = local / Lanes;
  let lane = local % Lanes;
  let length = slots_seen(0u, 0u);
  let begin = max(slots_from(), select(0u, length - min(params.window, length), params.window > 0u));
  let kv_head = head / (params.heads / params.kv_heads);
  let fresh_splits = (length - 1u) / Span - begin / Span + 1u;
  let splits = fresh_splits + splits_of_sets(kv_head);

  var raised = 0.0; // of each split of sets
  if (params.set_scale != 1.0) {
    var most = -1e30;
    var sum = 0.0;
    for (var s = fresh_splits; s < splits; s++) {
      let split = part_of(split_at(s, fresh_splits, kv_head), head, HeadVec4s);
      let before = most;
      most = max(most, split.x);
      sum = sum * exp(before - most) + split.y * exp(split.x - most);
    }
    raised = select(0.0, (params.set_scale - 1.0) * (most + log(sum)), sum > 0.0);
  }

  // Of this thread's splits; sums and total are as for the maximum so far.
  let before_slots = select(vec2<f32>(-1e30, 0.0), before_all(head, params.sinks), team == 0u);
  var largest = before_slots.x;
  var total = before_slots.y;
  var sums : array<vec4<f32>, Dims>;
  for (var s = team; team < Teams && s < splits; s += Teams) {
    let at = split_at(s, fresh_splits, kv_head);
    let split = part_of(at, head, HeadVec4s) + vec4<f32>(select(0.0, raised, s >= fresh_splits), 0.0, 0.0, 0.0);
    let before = largest;
    largest = max(largest, split.x);
    let kept = exp(before - largest);
    let added = exp(split.x - largest);
    total = kept * total + added * split.y;
    for (var j = 0u; j < Dims; j++) {
      let d = min(lane + j * Lanes, HeadVec4s - 1u);
      sums[j] = kept * sums[j] + added * part_of(at, head, d);
    }
  }

  if (Teams > 1u) {
    of_teams[local] = sums[0];
    if (lane == 0u && team < Teams) {
      weights[team] = vec2<f32>(largest, total);
    }
    workgroupBarrier();
    for (var s = 1u; team == 0u && s < Teams; s++) {
      let other = weights[s];
      let before = largest;
      largest = max(largest, other.x);
      let kept = exp(before - largest);
      let added = exp(other.x - largest);
      total = kept * total + added * other.y;
      sums[0] = kept * sums[0] + added * of_teams[s * Lanes + lane];
    }
  }
  for (var j = 0u; team == 0u && j < Dims; j++) {
    let d = lane + j * Lanes;
    for (var i = 0u; d < HeadVec4s && i < 4u && d * 4u + i < params.head_dim; i++) {
      attended[state.first * params.stride + head * params.head_dim + d * 4u + i] = sums[j][i] / total;
    }
  }
}
