// narrowed = the tokens of all bins that can hold a candidate, in any order. One workgroup per slice of the vocabulary.
// After sampling.wgsl, sampling-bins.wgsl; follows sample-histogram.wgsl.
@group(0) @binding(2) var<storage, read> logits : array<u32>;  // (row, vocab) the bits of f32
@group(0) @binding(3) var<storage, read_write> scratch : Scratch;
@group(0) @binding(4) var<storage, read_write> narrowed : array<vec2<u32>>;  // (vocab) rank, index

const PerThread = SliceTokens / Threads;

var<workgroup> passed : atomic<u32>;
var<workgroup> start : u32;

// The last bin that can hold a candidate.
fn last_bin(slice : u32, thread : u32) -> u32 {
  atomicStore(&counts[thread], atomicLoad(&scratch.counts[thread]));
  atomicStore(&lows[thread], atomicLoad(&scratch.lows[thread]));
  atomicStore(&highs[thread], atomicLoad(&scratch.highs[thread]));
  let tokens = sum_bins(thread, false).x;
  if (sampling.top_k > 0u && sampling.top_k < tokens) {
    return passing_bin(thread, vec2<u32>(sampling.top_k - 1u, 0u));  // top-p needs the mass of all of the top k
  }
  var last = Threads - 1u;
  let mass = sum_bins(thread, true);
  if (sampling.top_p < 1.0) {
    last = passing_bin(thread, top_p_target(mass));
  }
  if (sampling.min_p > 0.0) {
    last = min(last, gap_bin(-log(sampling.min_p)) + 1u);  // one more for rounding
  }
  if (slice == 0u && thread == 0u) {
    scratch.mass = mass;
  }
  return last;
}

@compute @workgroup_size(Threads)
fn main(@builtin(workgroup_id) slice : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  let last = last_bin(slice.x, thread);
  let highest = logit_of(scratch.best.x);
  var tokens : array<vec2<u32>, PerThread>;
  var slots : array<u32, PerThread>;
  for (var i = 0u; i < PerThread; i++) {
    let index = slice.x * SliceTokens + i * Threads + thread;
    slots[i] = Masked;
    if (index < sampling.vocab) {
      tokens[i] = vec2<u32>(rank_of(logits[logit_at(index)]), index);
      if (tokens[i].x < Masked && gap_bin(highest - logit_of(tokens[i].x)) <= last) {
        slots[i] = atomicAdd(&passed, 1u);
      }
    }
  }
  workgroupBarrier();
  if (thread == 0u) {
    start = atomicAdd(&scratch.narrowed, atomicLoad(&passed));
  }
  workgroupBarrier();
  for (var i = 0u; i < PerThread; i++) {
    if (slots[i] != Masked) {
      narrowed[start + slots[i]] = tokens[i];
    }
  }
}
