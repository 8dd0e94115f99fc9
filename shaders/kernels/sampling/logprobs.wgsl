// Of each slice of the vocabulary: the sum of exp(logit - highest), and its most likely tokens in order. Keeps the logits as
// they are before a stage changes them. One workgroup per slice. After sampling.wgsl; logprobs-finish.wgsl joins the slices.
// `MostTop` heads the module: the most tokens that are listed.
@group(0) @binding(2) var<storage, read> logits : array<u32>;              // (row, vocab) the bits of f32
@group(0) @binding(3) var<storage, read_write> kept : array<u32>;          // (vocab)
@group(0) @binding(4) var<storage, read_write> listed : array<vec2<u32>>;  // (slice, 1 + MostTop) the bits of the sum; then rank, index

const PerThread = SliceTokens / Threads;

var<workgroup> sums : array<f32, Threads>;

@compute @workgroup_size(Threads)
fn main(@builtin(workgroup_id) slice : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  var tokens : array<vec2<u32>, PerThread>;
  for (var i = 0u; i < PerThread; i++) {
    let index = slice.x * SliceTokens + i * Threads + thread;
    tokens[i] = vec2<u32>(0xffffffffu);
    if (index < sampling.vocab) {
      let bits = logits[logit_at(index)];
      kept[index] = bits;
      tokens[i] = vec2<u32>(rank_of(bits), index);
    }
  }
  let start = slice.x * (1u + MostTop);
  var last = vec2<u32>(0u);
  for (var place = 0u; place < max(sampling.top, 1u); place++) {
    var token = vec2<u32>(0xffffffffu);
    for (var i = 0u; i < PerThread; i++) {
      if (tokens[i].x < Masked && precedes(last, tokens[i]) && precedes(tokens[i], token)) {
        token = tokens[i];
      }
    }
    last = first_of(token, thread);
    if (thread == 0u) {
      listed[start + 1u + place] = last;
    }
    if (place == 0u) {
      var sum = 0.0;
      for (var i = 0u; i < PerThread; i++) {
        if (tokens[i].x < Masked) {
          sum += exp(max(logit_of(tokens[i].x) - logit_of(last.x), -100.0));
        }
      }
      sums[thread] = sum;
    }
  }
  for (var stride = Threads / 2u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    if (thread < stride) {
      sums[thread] += sums[thread + stride];
    }
  }
  if (thread == 0u) {
    listed[start] = vec2<u32>(bitcast<u32>(sums[0]), 0u);
  }
}
