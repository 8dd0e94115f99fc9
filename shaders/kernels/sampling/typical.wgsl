// logits[token] = -infinity for all tokens but the locally typical ones: of the top k, those whose information lies closest
// to the mean of all, until their probability passes typical_p. Meister et al., arXiv 2202.00666; as in llama.cpp.
// Nothing is sorted: 8 bits at a time are found of the last one. One workgroup. After sampling.wgsl, sampling-bins.wgsl.
@group(0) @binding(2) var<storage, read_write> logits : array<u32>;  // (row, vocab) the bits of f32

// A place in an order of tokens, which have two words there: those are up to it whose `known` bits are at most `last`.
struct Place {
  last : vec2<u32>,
  known : vec2<u32>,
}

const Everything = Place(vec2<u32>(0xffffffffu), vec2<u32>(0xffffffffu));

var<workgroup> terms : array<vec2<f32>, Threads>;
var<workgroup> alone : bool;

fn is_up_to(place : Place, token : vec2<u32>) -> bool {
  return !precedes(place.last, token & place.known);
}

// How far the logit of a rank lies below `highest`, held to what has a probability above 0 in f32.
fn gap_below(highest : f32, rank : u32) -> f32 {
  return min(highest - logit_of(rank), 100.0);
}

// A token's order by how far its information lies from the mean: that is how far its gap lies from the mean gap.
fn by_typicality(token : vec2<u32>, highest : f32, mean : f32) -> vec2<u32> {
  return vec2<u32>(bitcast<u32>(abs(gap_below(highest, token.x) - mean)), token.y);
}

fn highest_logit(thread : u32) -> f32 {
  var first = vec2<u32>(0xffffffffu);
  for (var index = thread; index < sampling.vocab; index += Threads) {
    let token = vec2<u32>(rank_of(logits[logit_at(index)]), index);
    if (precedes(token, first)) {
      first = token;
    }
  }
  return logit_of(first_of(first, thread).x);
}

// The mean gap of the tokens up to `top`, by their probabilities.
fn mean_gap(thread : u32, top : Place, highest : f32) -> f32 {
  var sum = vec2<f32>(0.0);
  for (var index = thread; index < sampling.vocab; index += Threads) {
    let token = vec2<u32>(rank_of(logits[logit_at(index)]), index);
    if (token.x < Masked && is_up_to(top, token)) {
      let gap = gap_below(highest, token.x);
      sum += vec2<f32>(1.0, gap) * exp(-gap);
    }
  }
  terms[thread] = sum;
  for (var stride = Threads / 2u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    if (thread < stride) {
      terms[thread] += terms[thread + stride];
    }
  }
  let all = workgroupUniformLoad(&terms[0]);
  return all.y / max(all.x, 1e-30);
}

// Where, of the tokens up to `top`, the running count passes k - 1, or in the order of typicality the running mass typical_p.
fn search(thread : u32, typical : bool, top : Place, highest : f32, mean : f32) -> Place {
  var place = Place(vec2<u32>(0u), vec2<u32>(0u, 0xff000000u));  // an index is below 2^24
  var bound = vec2<u32>(sampling.top_k - 1u, 0u);
  for (var digit = 0u; digit < 7u; digit++) {  // 0 to 3 of the first word, 4 to 6 of the index
    let word = digit / 4u;
    let shift = select(24u - 8u * digit, 48u - 8u * digit, word == 1u);
    clear_bins(thread);
    for (var index = thread; index < sampling.vocab; index += Threads) {
      let token = vec2<u32>(rank_of(logits[logit_at(index)]), index);
      if (token.x < Masked && is_up_to(top, token)) {
        let key = select(token, by_typicality(token, highest, mean), typical);
        if (all((key & place.known) == place.last)) {
          tally((key[word] >> shift) & 255u, mass_of(gap_below(highest, token.x), 1.0));
        }
      }
    }
    let sum = sum_bins(thread, typical);
    if (digit == 0u && typical) {
      bound = share_of(sum, u32(max(sampling.typical_p, 0.0) * 4294967296.0));
    }
    let bin = passing_bin(thread, bound);
    if (thread == bin) {
      alone = atomicLoad(&counts[bin]) == 1u;
    }
    if (bin > 0u) {
      bound = subtract64(bound, sums[bin - 1u]);
    }
    place.last[word] |= bin << shift;
    place.known[word] |= 255u << shift;
    let done = workgroupUniformLoad(&alone);
    if (done) {
      break;
    }
  }
  return place;
}

@compute @workgroup_size(Threads)
fn main(@builtin(local_invocation_index) thread : u32) {
  let highest = highest_logit(thread);
  var top = Everything;
  if (sampling.top_k > 0u && sampling.top_k < sampling.vocab) {
    top = search(thread, false, Everything, highest, 0.0);
  }
  let mean = mean_gap(thread, top, highest);
  let last = search(thread, true, top, highest, mean);
  for (var index = thread; index < sampling.vocab; index += Threads) {
    let token = vec2<u32>(rank_of(logits[logit_at(index)]), index);
    if (!is_up_to(top, token) || !is_up_to(last, by_typicality(token, highest, mean))) {
      logits[logit_at(index)] = 0xff800000u;
    }
  }
}
