// MXFP4. Planes per block of 128: 16 words of nibbles (4 per group, low nibbles are weights 0 to 15), 1 word of four exponents.

// E2M1 has its sign in bit 3, two bits of exponent, one of fraction: put where f32 has them, with exponent 0 as 2^0. That
// gives 1 and 1.5 for the subnormals 0 and 1, which 2 * m - 2 puts right; for all others that is the larger number.
fn values(codes : u32) -> vec4<f32> {
  let c = vec4<u32>(codes << 22u, codes << 14u, codes << 6u, codes >> 2u);
  let m = bitcast<vec4<f32>>((c & vec4<u32>(0x01c00000u)) + vec4<u32>(0x3f800000u));
  let sign = (c << vec4<u32>(6u)) & vec4<u32>(0x80000000u);
  return bitcast<vec4<f32>>(bitcast<vec4<u32>>(min(m, 2.0 * m - 2.0)) | sign);
}

// 2^(exponent - 128) as two factors, as the whole may be a subnormal although the weights are not.
fn scales_of(row : Row, group : u32) -> vec2<f32> {
  let exponent = 126u + ((word(row.panel + (row.blocks * 16u + (group >> 2u)) * PanelRows + row.lane) >> ((group & 3u) * 8u)) & 255u);
  return bitcast<vec2<f32>>(vec2<u32>(exponent >> 1u, exponent - (exponent >> 1u)) << vec2<u32>(23u));
}

fn group_dot(row : Row, group : u32, x : ptr<function, Group>, x_sum : vec2<f32>) -> f32 {
  let nibbles = words4(row.panel + (group * PanelRows + row.lane) * 4u);
  let low = nibbles & vec4<u32>(0x0f0f0f0fu);
  let high = (nibbles >> vec4<u32>(4u)) & vec4<u32>(0x0f0f0f0fu);
  let sum = dot(values(low.x), (*x)[0]) + dot(values(low.y), (*x)[1]) + dot(values(low.z), (*x)[2]) + dot(values(low.w), (*x)[3])
    + dot(values(high.x), (*x)[4]) + dot(values(high.y), (*x)[5]) + dot(values(high.z), (*x)[6]) + dot(values(high.w), (*x)[7]);
  let scales = scales_of(row, group);
  return sum * scales.x * scales.y;
}

fn group_load(row : Row, group : u32, w : ptr<function, Group>) {
  let nibbles = words4(row.panel + (group * PanelRows + row.lane) * 4u);
  let low = nibbles & vec4<u32>(0x0f0f0f0fu);
  let high = (nibbles >> vec4<u32>(4u)) & vec4<u32>(0x0f0f0f0fu);
  let scales = scales_of(row, group);
  (*w)[0] = values(low.x) * scales.x * scales.y;
  (*w)[1] = values(low.y) * scales.x * scales.y;
  (*w)[2] = values(low.z) * scales.x * scales.y;
  (*w)[3] = values(low.w) * scales.x * scales.y;
  (*w)[4] = values(high.x) * scales.x * scales.y;
  (*w)[5] = values(high.y) * scales.x * scales.y;
  (*w)[6] = values(high.z) * scales.x * scales.y;
  (*w)[7] = values(high.w) * scales.x * scales.y;
}
