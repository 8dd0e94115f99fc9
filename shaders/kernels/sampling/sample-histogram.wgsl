// Counts and masses of all tokens by how far they lie below the highest logit. One workgroup per slice of the vocabulary.
// After sampling.wgsl, sampling-bins.wgsl; follows argmax.wgsl.
@group(0) @binding(2) var<storage, read> logits : array<u32>;      // (row, vocab) the bits of f32
@group(0) @binding(3) var<storage, read> best : array<vec2<u32>>;  // (slice) rank, index
@group(0) @binding(4) var<storage, read_write> scratch : Scratch;

@compute @workgroup_size(Threads)
fn main(@builtin(workgroup_id) slice : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  var first = vec2<u32>(0xffffffffu);
  let slices = (sampling.vocab + SliceTokens - 1u) / SliceTokens;
  for (var i = thread; i < slices; i += Threads) {
    if (precedes(best[i], first)) {
      first = best[i];
    }
  }
  first = first_of(first, thread);
  clear_bins(thread);
  let end = min((slice.x + 1u) * SliceTokens, sampling.vocab);
  for (var index = slice.x * SliceTokens + thread; index < end; index += Threads) {
    let rank = rank_of(logits[logit_at(index)]);
    if (rank < Masked) {
      let gap = logit_of(first.x) - logit_of(rank);
      tally(gap_bin(gap), mass_of(gap, 1.0));
    }
  }
  workgroupBarrier();
  let count = atomicLoad(&counts[thread]);
  if (count > 0u) {
    let low = atomicLoad(&lows[thread]);
    atomicAdd(&scratch.counts[thread], count);
    let before = atomicAdd(&scratch.lows[thread], low);
    atomicAdd(&scratch.highs[thread], atomicLoad(&highs[thread]) + select(0u, 1u, before + low < before));
  }
  if (slice.x == 0u && thread == 0u) {
    scratch.best = first;
  }
}
