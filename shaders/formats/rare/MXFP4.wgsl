// MXFP4. Planes per block of 128: 16 words of nibbles (4 per group, low nibbles are weights 0 to 15), 1 word of four exponents.

// E2M1 has its sign in bit 3, two bits of exponent, one of fraction: put where f32 has them, with exponent 0 as 2^0. That
// gives 1 and 1.5 for the subnormals 0 and 1, which 2 * m - 2 puts right; for all others that is the larger number.
fn values(codes : u32) -> vec4<f32> {
  let c = vec4<u32>(codes << 22u, codes << 14u, codes << 6u, codes >> 2u);
  let m = bitcast<vec4<f32>>((c & vec4<u32>(0x01c00000u)) + vec4<u32>(0x3f800000u));
  let sign = (c << vec4<u32>(6u)) & vec4<u32>(0x80000000u);
  return bitcast<vec4<f32>>(bitcast<vec4<u32>>(min(m, 2.0 * m - 2.0)) | sign);
}

// Two nibbles in the lowest bits of each half, as f16 has sign, exponent and fraction: 2^-14 of the weights, subnormals too.
fn pair(codes : u32) -> vec2<f32> {
  return unpack2x16float(((codes & 0x00080008u) << 12u) | ((codes & 0x00070007u) << 9u));
}

// The weights of one of four words, without their scale: from its low nibbles, or with a shift by 4 from its high ones.
fn four(word : u32, shift : u32) -> vec4<f32> {
  if (UnpackHalves) {
    let even = pair(word >> shift);
    let odd = pair(word >> (shift + 8u));
    return vec4<f32>(even.x, odd.x, even.y, odd.y);
  }
  return values((word >> shift) & 0x0f0f0f0fu);
}

// 2^(exponent - 128), as `values` are twice the weights, or 2^(exponent - 113) for those of `pair`; as two factors, as the whole may be a
// subnormal although the weights are not.
fn scales_of(row : Row, group : u32) -> vec2<f32> {
  let exponent = (word(row.panel + (row.blocks * 16u + (group >> 2u)) * PanelRows + row.lane) >> ((group & 3u) * 8u)) & 255u;
  let offset = exponent + select(126u, 141u, UnpackHalves);
  return bitcast<vec2<f32>>(vec2<u32>(offset >> 1u, offset - (offset >> 1u)) << vec2<u32>(23u));
}

fn group_dot(row : Row, group : u32, x : ptr<function, Group>, x_sum : vec2<f32>) -> f32 {
  let n = words4(row.panel + (group * PanelRows + row.lane) * 4u);
  let sum = dot(four(n.x, 0u), (*x)[0]) + dot(four(n.y, 0u), (*x)[1]) + dot(four(n.z, 0u), (*x)[2]) + dot(four(n.w, 0u), (*x)[3])
    + dot(four(n.x, 4u), (*x)[4]) + dot(four(n.y, 4u), (*x)[5]) + dot(four(n.z, 4u), (*x)[6]) + dot(four(n.w, 4u), (*x)[7]);
  let scales = scales_of(row, group);
  return sum * scales.x * scales.y;
}

fn group_load(row : Row, group : u32, w : ptr<function, Group>) {
  let n = words4(row.panel + (group * PanelRows + row.lane) * 4u);
  let scales = scales_of(row, group);
  (*w)[0] = four(n.x, 0u) * scales.x * scales.y;
  (*w)[1] = four(n.y, 0u) * scales.x * scales.y;
  (*w)[2] = four(n.z, 0u) * scales.x * scales.y;
  (*w)[3] = four(n.w, 0u) * scales.x * scales.y;
  (*w)[4] = four(n.x, 4u) * scales.x * scales.y;
  (*w)[5] = four(n.y, 4u) * scales.x * scales.y;
  (*w)[6] = four(n.z, 4u) * scales.x * scales.y;
  (*w)[7] = four(n.w, 4u) * scales.x * scales.y;
}
