// Of each row of router logits the experts that are chosen, best first, and their weights. An expert's rank is the number of
// better ones, of equal ones those before it, so that the order is the same everywhere; no sorting, few barriers.
struct Params {
  experts : u32,
  used : u32,
  input_stride : u32,  // floats per row
  output_stride : u32, // words per row: ids, then weights
  bias : u32,          // float index in `vectors`
  scale : f32,
  groups : u32,        // of experts that follow each other
  groups_used : u32,
  expert_scale : u32, // float index in `vectors`
}

override Sigmoid : bool = false;   // scores by sigmoid, else by softmax over all
override HasBias : bool = false;   // added to a score for the choice alone
override Normalise : bool = false; // weights add up to 1
override Groups : bool = false;    // only experts of the best groups are chosen, by the sums of their two best

override HasScale : bool = false;  // weights are multiplied by a number of their expert

const WorkgroupSize : u32 = 64u;
const Lowest : f32 = -3.4e38;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> vectors : array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> input : array<f32>;
@group(0) @binding(5) var<storage, read_write> output : array<u32>;

var<workgroup> logits : array<f32, MostExperts>;
var<workgroup> scores : array<f32, MostExperts>;
var<workgroup> ranked : array<f32, MostExperts>; // what the choice goes by
var<workgroup> group_scores : array<f32, MostGroups>;
var<workgroup> weights_chosen : array<f32, MostUsed>;
var<workgroup> factors_chosen : array<f32, MostUsed>;

fn score_of(expert : u32, highest : f32) -> f32 {
  if (Sigmoid) {
    return 1.0 / (1.0 + exp(-clamp(logits[expert], -80.0, 80.0)));
  }
  return exp(logits[expert] - highest);
}

// The sum of the two best experts of a group.
fn best_two(group : u32, size : u32) -> f32 {
  var best = Lowest;
  var second = Lowest;
  for (var e = group * size; e < (group + 1u) * size; e++) {
    second = max(second, min(best, ranked[e]));
    best = max(best, ranked[e]);
  }
  return best + second;
}

fn is_kept(group : u32) -> bool {
  var rank = 0u;
  for (var other = 0u; other < params.groups; other++) {
    if (group_scores[other] > group_scores[group] || (group_scores[other] == group_scores[group] && other < group)) {
      rank++;
    }
  }
  return rank < params.groups_used;
}

@compute @workgroup_size(WorkgroupSize)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let row = workgroup.x;
  for (var e = local; e < params.experts; e += WorkgroupSize) {
    logits[e] = input[row * params.input_stride + e];
  }
  workgroupBarrier();
  var highest = logits[0];
  for (var e = 1u; e < params.experts; e++) {
    highest = max(highest, logits[e]);
  }
  for (var e = local; e < params.experts; e += WorkgroupSize) {
    scores[e] = score_of(e, highest);
  }
  workgroupBarrier();
  var total = 1.0;
  if (!Sigmoid) {
    total = 0.0;
    for (var e = 0u; e < params.experts; e++) {
      total += scores[e];
    }
  }
  for (var e = local; e < params.experts; e += WorkgroupSize) {
    var by = scores[e] / total;
    if (HasBias) {
      by += vectors[(params.bias + e) / 4u][(params.bias + e) % 4u];
    }
    ranked[e] = by;
  }
  workgroupBarrier();
  if (Groups) {
    let size = params.experts / params.groups;
    if (local < params.groups) {
      group_scores[local] = best_two(local, size);
    }
    workgroupBarrier();
    for (var e = local; e < params.experts; e += WorkgroupSize) {
      if (!is_kept(e / size)) {
        ranked[e] = Lowest;
      }
    }
    workgroupBarrier();
  }
  for (var e = local; e < params.experts; e += WorkgroupSize) {
    var rank = 0u;
    for (var other = 0u; other < params.experts; other++) {
      if (ranked[other] > ranked[e] || (ranked[other] == ranked[e] && other < e)) {
        rank++;
      }
    }
    if (rank < params.used) {
      output[row * params.output_stride + rank] = e;
      weights_chosen[rank] = scores[e] / total;
      if (HasScale) {
        factors_chosen[rank] = vectors[(params.expert_scale + e) / 4u][(params.expert_scale + e) % 4u];
      }
    }
  }
  workgroupBarrier();
  var sum = 1.0;
  if (Normalise) {
    sum = 0.0;
    for (var i = 0u; i < params.used; i++) {
      sum += weights_chosen[i];
    }
    sum = max(sum, 6.103515625e-5); // 2^-14, the smallest that llama.cpp divides by
  }
  for (var i = local; i < params.used; i += WorkgroupSize) {
    var weight = weights_chosen[i] / sum * params.scale;
    if (HasScale) {
      weight *= factors_chosen[i];
    }
    output[row * params.output_stride + params.used + i] = bitcast<u32>(weight);
  }
}
