// probabilities[token] = how likely sample.wgsl was to draw it; -1 for tokens that were no candidates. One workgroup.
// For tests only. After sampling.wgsl, sampling-bins.wgsl; follows sample.wgsl.
@group(0) @binding(2) var<storage, read> logits : array<u32>;  // (row, vocab) the bits of f32
@group(0) @binding(3) var<storage, read_write> scratch : Scratch;
@group(0) @binding(4) var<storage, read_write> probabilities : array<f32>;  // (vocab)

@compute @workgroup_size(Threads)
fn main(@builtin(local_invocation_index) thread : u32) {
  let highest = logit_of(select(scratch.best.x, scratch.lead.x, scratch.lead.x > 0u));
  clear_bins(thread);
  for (var index = thread; index < sampling.vocab; index += Threads) {
    let rank = rank_of(logits[logit_at(index)]);
    if (is_candidate(rank, index)) {
      tally(index & 255u, mass_of(highest - logit_of(rank), sampling.temperature));
    }
  }
  let sum = sum_bins(thread, true);
  for (var index = thread; index < sampling.vocab; index += Threads) {
    let rank = rank_of(logits[logit_at(index)]);
    let mass = mass_of(highest - logit_of(rank), sampling.temperature);
    probabilities[index] = select(-1.0, float64(mass) / float64(sum), is_candidate(rank, index));
  }
}

fn is_candidate(rank : u32, index : u32) -> bool {
  let token = vec2<u32>(rank, index);
  return rank < Masked && !precedes(scratch.keep, token) && !precedes(token, scratch.lead);
}

fn float64(a : vec2<u32>) -> f32 {
  return f32(a.y) * 4294967296.0 + f32(a.x);
}
