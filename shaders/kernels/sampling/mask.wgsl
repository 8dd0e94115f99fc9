// logits[token] = -infinity where the token's bit is 0. One workgroup per slice of the vocabulary. After sampling.wgsl.
@group(0) @binding(2) var<storage, read> mask : array<u32>;          // (vocab / 32) a bit for each token, the lowest first
@group(0) @binding(3) var<storage, read_write> logits : array<u32>;  // (row, vocab) the bits of f32

@compute @workgroup_size(Threads)
fn main(@builtin(workgroup_id) slice : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  let end = min((slice.x + 1u) * SliceTokens, sampling.vocab);
  for (var token = slice.x * SliceTokens + thread; token < end; token += Threads) {
    if (((mask[token / 32u] >> (token % 32u)) & 1u) == 0u) {
      logits[logit_at(token)] = 0xff800000u;
    }
  }
}
