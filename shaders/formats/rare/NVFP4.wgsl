// NVFP4. Planes per block of 64: 8 words of nibbles (4 per group: of the first two the low ones are weights 0 to 7, the high ones 8 to 15;
// of the others 16 to 31), 1 word of four scales.

// E2M1 numbers, doubled, as signed bytes. Of the sizes 0 to 7 those above 4 stand for 6, 8 and 12: what is added is put together bit by
// bit. The top bits of the bytes are left out of the negation, so that none carries into the next.
fn doubled(nibbles : vec4<u32>) -> vec4<u32> {
  let large = (nibbles >> vec4<u32>(2u)) & vec4<u32>(0x01010101u);
  let low = large & nibbles;
  let high = large & (nibbles >> vec4<u32>(1u));
  let size = (nibbles & vec4<u32>(0x07070707u)) + low + 2u * (high + (low & high));
  let negative = (nibbles >> vec4<u32>(3u)) & vec4<u32>(0x01010101u);
  let mask = negative * 255u;
  return (((size ^ mask) & vec4<u32>(0x7f7f7f7fu)) + negative) ^ (mask & vec4<u32>(0x80808080u));
}

fn codes_of(row : Row, group : u32) -> Codes {
  let nibbles = words4(row.panel + (group * PanelRows + row.lane) * 4u);
  let low = nibbles & vec4<u32>(0x0f0f0f0fu);
  let high = (nibbles >> vec4<u32>(4u)) & vec4<u32>(0x0f0f0f0fu);
  return Codes(doubled(vec4<u32>(low.xy, high.xy)), doubled(vec4<u32>(low.zw, high.zw)));
}

// Half of the E4M3 scales of the first and of the last 16 weights; their NaN is 0. As in `halves` of the prelude, with the exponent's
// offset of f32 a subnormal comes out as 2^-8 * (1 + fraction), which 2 * m - 2^-7 puts right.
fn scales_of(row : Row, group : u32) -> vec2<f32> {
  let both = word(row.panel + (row.blocks * 8u + (group >> 1u)) * PanelRows + row.lane) >> ((group & 1u) * 16u);
  let scales = vec2<u32>(both, both >> 8u) & vec2<u32>(255u);
  let m = bitcast<vec2<f32>>(((scales & vec2<u32>(127u)) << vec2<u32>(20u)) + vec2<u32>(119u << 23u));
  return select(min(m, 2.0 * m - 0.0078125), vec2<f32>(), scales == vec2<u32>(127u));
}
