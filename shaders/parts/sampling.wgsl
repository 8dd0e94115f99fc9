// What the stages of sampling share: the parameters of a request, and the order of tokens. A module is this file and one kernel.

const Threads : u32 = 256u;       // invocations per workgroup of every sampler kernel
const SliceTokens : u32 = 2048u;  // tokens per workgroup of a pass over the vocabulary
const Masked : u32 = 0xff7fffffu; // from this rank on a token is never chosen: its logit is not finite
const NoToken : u32 = 0xffffffffu; // chosen where no logit is finite: the host reports it

struct Sampling {
  vocab : u32,        // tokens, below 2^20: each has a mass of up to 2^44, whose sum has 64 bits (sampling-bins.wgsl)
  row : u32,          // of the logits
  seed : u32,
  top_k : u32,        // 0: all
  temperature : f32,  // above 0
  top_p : f32,        // 1 and more: all
  min_p : f32,        // 0: all
  repeat : f32,       // penalties, of the tokens among the `last` before the next: divides what is above 0, multiplies what is not
  frequency : f32,    // taken off once for each time that a token is there
  presence : f32,     // taken off once
  last : u32,
  biases : u32,       // entries of `biases`
  top : u32,          // most likely tokens to list beside the chosen one
  typical_p : f32,    // 1: all
  xtc_probability : f32, // 0: never
  xtc_threshold : f32,
  ends : array<vec4<u32>, 2>, // tokens that end an answer; all ones: none
}

@group(0) @binding(0) var<uniform> sampling : Sampling;

// Where the logit of a token is.
fn logit_at(token : u32) -> u32 {
  return sampling.row * sampling.vocab + token;
}

// Ascending ranks are descending logits. In integers, because a shader may assume that inf and NaN do not occur.
// Both zeros have the same rank; NaN and both infinities come last.
fn rank_of(bits : u32) -> u32 {
  let magnitude = bits & 0x7fffffffu;
  let rank = select(0x7fffffffu - magnitude, 0x7fffffffu + magnitude, bits != magnitude);
  return select(rank, 0xffffffffu, magnitude >= 0x7f800000u);
}

// Whether a token ends an answer, or no token was to be had.
fn ends(token : u32) -> bool {
  return token == NoToken || any(sampling.ends[0] == vec4<u32>(token)) || any(sampling.ends[1] == vec4<u32>(token));
}

// The logit of a rank, held below 2^127 so that no difference of two overflows.
fn logit_of(rank : u32) -> f32 {
  let negative = rank > 0x7fffffffu;
  let magnitude = select(0x7fffffffu - rank, rank - 0x7fffffffu, negative);
  let size = bitcast<f32>(min(magnitude, 0x7effffffu));
  return select(size, -size, negative);
}

// Whether token a, as (rank, index), comes before b: higher logit, then lower index.
fn precedes(a : vec2<u32>, b : vec2<u32>) -> bool {
  return a.x < b.x || (a.x == b.x && a.y < b.y);
}

var<workgroup> firsts : array<vec2<u32>, Threads>;

// The first of the tokens that the workgroup's threads hold.
fn first_of(token : vec2<u32>, thread : u32) -> vec2<u32> {
  firsts[thread] = token;
  workgroupBarrier();
  for (var stride = 1u; stride < Threads; stride *= 16u) {  // two rounds of 16: barriers cost more than reads
    if (thread % (stride * 16u) == 0u) {
      for (var i = 1u; i < 16u; i++) {
        if (precedes(firsts[thread + i * stride], firsts[thread])) {
          firsts[thread] = firsts[thread + i * stride];
        }
      }
    }
    workgroupBarrier();
  }
  return workgroupUniformLoad(&firsts[0]);
}
