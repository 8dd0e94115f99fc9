// best[slice] = the token with the highest logit of each slice of the vocabulary, the lowest index among equals; all ones if
// no logit is finite. One workgroup per slice. After sampling.wgsl.
@group(0) @binding(2) var<storage, read> logits : array<u32>;            // (row, vocab) the bits of f32
@group(0) @binding(3) var<storage, read_write> best : array<vec2<u32>>;  // (slice) rank, index

@compute @workgroup_size(Threads)
fn main(@builtin(workgroup_id) slice : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  var token = vec2<u32>(0xffffffffu);
  let end = min((slice.x + 1u) * SliceTokens, sampling.vocab);
  for (var index = slice.x * SliceTokens + thread; index < end; index += Threads) {
    let other = vec2<u32>(rank_of(logits[logit_at(index)]), index);
    if (other.x < Masked && precedes(other, token)) {
      token = other;
    }
  }
  token = first_of(token, thread);
  if (thread == 0u) {
    best[slice.x] = token;
  }
}
