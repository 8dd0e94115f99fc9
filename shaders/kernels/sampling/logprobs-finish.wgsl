// records[position] = the logarithm of the probability of the token that was just chosen there, and the most likely tokens
// with theirs, before any other stage. One workgroup. After state.wgsl, sampling.wgsl; follows the kernel that has chosen.
// `MostTop` and `Records` head the module: the most tokens that are listed, and how many positions have a record.
@group(0) @binding(2) var<storage, read> kept : array<u32>;           // (vocab) the bits of f32
@group(0) @binding(3) var<storage, read> listed : array<vec2<u32>>;   // (slice, 1 + MostTop) as of logprobs.wgsl
@group(0) @binding(4) var<storage, read> state : State;
@group(0) @binding(5) var<storage, read> ids : array<u32>;            // (position)
@group(0) @binding(6) var<storage, read_write> records : array<u32>;  // (position % Records, 1 + 2 * MostTop) the bits of f32; then index and the bits of f32

var<workgroup> sums : array<f32, Threads>;

@compute @workgroup_size(Threads)
fn main(@builtin(local_invocation_index) thread : u32) {
  let slices = (sampling.vocab + SliceTokens - 1u) / SliceTokens;
  let position = state.position;
  let record = position % Records * (1u + 2u * MostTop);
  let writes = thread == 0u && state.ended < 2u; // a token that came after the end is none
  var last = vec2<u32>(0u);
  var log_sum = 0.0;
  for (var place = 0u; place < max(sampling.top, 1u); place++) {
    var token = vec2<u32>(0xffffffffu);
    for (var slice = thread; slice < slices; slice += Threads) {
      for (var i = 1u; i <= max(sampling.top, 1u); i++) {
        let other = listed[slice * (1u + MostTop) + i];
        if (other.x < Masked && precedes(last, other) && precedes(other, token)) {
          token = other;
        }
      }
    }
    last = first_of(token, thread);
    if (place == 0u) {
      let highest = logit_of(last.x);
      var sum = 0.0;
      for (var slice = thread; slice < slices; slice += Threads) {
        let start = slice * (1u + MostTop);
        if (listed[start + 1u].x < Masked) {
          sum += bitcast<f32>(listed[start].x) * exp(max(logit_of(listed[start + 1u].x) - highest, -100.0));
        }
      }
      sums[thread] = sum;
      for (var stride = Threads / 2u; stride > 0u; stride /= 2u) {
        workgroupBarrier();
        if (thread < stride) {
          sums[thread] += sums[thread + stride];
        }
      }
      log_sum = highest + log(workgroupUniformLoad(&sums[0]));
    }
    if (writes && place < sampling.top) {
      records[record + 1u + 2u * place] = last.y;
      records[record + 2u + 2u * place] = bitcast<u32>(logit_of(last.x) - log_sum);
    }
  }
  if (writes) {
    records[record] = bitcast<u32>(logit_of(rank_of(kept[min(ids[position], sampling.vocab - 1u)])) - log_sum);
  }
}
