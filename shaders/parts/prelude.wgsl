// What every kernel that reads weights shares: where a row lies (src/formats/panel.ts) and how its words are read; one by one as words/ has it.

// Of a row: 32 weights, or as many activations. Written by this name throughout, as naga tells an alias from what it stands for.
alias Group = array<vec4<f32>, 8>;

struct Row {
  panel : u32,  // word index of its panel
  lane : u32,   // its place in the panel, below PanelRows
  blocks : u32, // blocks per row
}

@group(0) @binding(1) var<storage, read> weights : array<vec4<u32>>;

// Four words, of a plane whose words per block are a multiple of four; the index is one too.
fn words4(index : u32) -> vec4<u32> {
  return weights[index >> 2u];
}

// The four bytes of a word as numbers from 0 to 255, the lowest first.
fn bytes(value : u32) -> vec4<f32> {
  return vec4<f32>(vec4<u32>(value, value >> 8u, value >> 16u, value >> 24u) & vec4<u32>(255u));
}

// Whether unpack2x16float keeps subnormal f16, as a check has told; some GPUs flush them to zero, and then halves are widened in integers.
override UnpackHalves : bool = false;

// The f16 in the lower half of a word.
fn half(value : u32) -> f32 {
  if (UnpackHalves) {
    return unpack2x16float(value).x;
  }
  let exponent = (value >> 10u) & 31u;
  let fraction = value & 0x3ffu;
  let normal = bitcast<f32>(((value & 0x7fffu) << 13u) + (112u << 23u));
  let magnitude = select(normal, f32(fraction) * 5.9604644775390625e-8, exponent == 0u);
  return select(magnitude, -magnitude, (value & 0x8000u) != 0u);
}

// Both f16 of a word. With the exponent's offset of f32 a subnormal comes out as 2^-15 * (1 + fraction), which
// 2 * m - 2^-14 puts right; for all others that is the larger number.
fn halves(value : u32) -> vec2<f32> {
  if (UnpackHalves) {
    return unpack2x16float(value);
  }
  let m = bitcast<vec2<f32>>((vec2<u32>(value << 13u, value >> 3u) & vec2<u32>(0x0fffe000u)) + vec2<u32>(0x38000000u));
  let sign = vec2<u32>(value << 16u, value) & vec2<u32>(0x80000000u);
  return bitcast<vec2<f32>>(bitcast<vec2<u32>>(min(m, 2.0 * m - 6.103515625e-5)) | sign);
}

// Sixteen codes, four to a word as bytes, times sixteen activations.
fn dot16(codes : vec4<u32>, a : vec4<f32>, b : vec4<f32>, c : vec4<f32>, d : vec4<f32>) -> f32 {
  return dot(bytes(codes.x), a) + dot(bytes(codes.y), b) + dot(bytes(codes.z), c) + dot(bytes(codes.w), d);
}

// The four bytes of a word as numbers from -128 to 127, the lowest first. Codes with an offset are stored in two's complement
// at the top of their byte: exact, where subtracting the offset times the sum of the activations would cancel.
fn signed_bytes(value : u32) -> vec4<f32> {
  return vec4<f32>(bitcast<vec4<i32>>(vec4<u32>(value << 24u, value << 16u, value << 8u, value)) >> vec4<u32>(24u));
}

// The same as dot16, with signed codes.
fn signed_dot16(codes : vec4<u32>, a : vec4<f32>, b : vec4<f32>, c : vec4<f32>, d : vec4<f32>) -> f32 {
  return dot(signed_bytes(codes.x), a) + dot(signed_bytes(codes.y), b) + dot(signed_bytes(codes.z), c) + dot(signed_bytes(codes.w), d);
}
