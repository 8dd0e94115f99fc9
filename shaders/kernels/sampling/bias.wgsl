// logits[token] += bias, for the tokens that a request names. One workgroup. After sampling.wgsl.
@group(0) @binding(2) var<storage, read> biases : array<vec2<u32>>;  // token, the bits of its bias in f32; each token once
@group(0) @binding(3) var<storage, read_write> logits : array<u32>;  // (row, vocab) the bits of f32

@compute @workgroup_size(Threads)
fn main(@builtin(local_invocation_index) thread : u32) {
  for (var i = thread; i < sampling.biases; i += Threads) {
    let at = logit_at(biases[i].x);
    if (rank_of(logits[at]) < Masked) {
      logits[at] = bitcast<u32>(bitcast<f32>(logits[at]) + bitcast<f32>(biases[i].y));
    }
  }
}
