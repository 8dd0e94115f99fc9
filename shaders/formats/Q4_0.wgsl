// Q4_0. Planes per block of 64: 8 words of nibbles in two's complement (4 per group, low nibbles are weights 0 to 15),
// 1 word scale | scale << 16.

// 16 times the codes.
fn codes_of(row : Row, group : u32) -> Codes {
  let nibbles = words4(row.panel + (group * PanelRows + row.lane) * 4u);
  return Codes((nibbles << vec4<u32>(4u)) & vec4<u32>(0xf0f0f0f0u), nibbles & vec4<u32>(0xf0f0f0f0u));
}

fn scale_of(row : Row, group : u32) -> f32 {
  return 0.0625 * half(word(row.panel + (row.blocks * 8u + (group >> 1u)) * PanelRows + row.lane) >> ((group & 1u) * 16u));
}
