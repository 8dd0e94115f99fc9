// Q5_0. Planes per block of 64: 8 words of nibbles (4 per group, low nibbles are weights 0 to 15), 2 words of sign bits
// (1 per group: bit i of byte b is weight 4i + b), 1 word scale | scale << 16.

// 8 times the codes.
fn codes_of(row : Row, group : u32) -> Codes {
  let nibbles = words4(row.panel + (group * PanelRows + row.lane) * 4u);
  let signs = word(row.panel + (row.blocks * 8u + group) * PanelRows + row.lane);
  let a = vec4<u32>(signs << 7u, signs << 6u, signs << 5u, signs << 4u) & vec4<u32>(0x80808080u);
  let b = vec4<u32>(signs << 3u, signs << 2u, signs << 1u, signs) & vec4<u32>(0x80808080u);
  return Codes(((nibbles << vec4<u32>(3u)) & vec4<u32>(0x78787878u)) | a, ((nibbles >> vec4<u32>(1u)) & vec4<u32>(0x78787878u)) | b);
}

fn scale_of(row : Row, group : u32) -> f32 {
  return 0.125 * half(word(row.panel + (row.blocks * 10u + (group >> 1u)) * PanelRows + row.lane) >> ((group & 1u) * 16u));
}
