// Q4_1. Planes per block of 32: 4 words of nibbles (low nibbles are weights 0 to 15), 1 word scale | minimum << 16.

fn codes_of(row : Row, group : u32) -> Codes {
  let nibbles = words4(row.panel + (group * PanelRows + row.lane) * 4u);
  return Codes(nibbles & vec4<u32>(0x0f0f0f0fu), (nibbles >> vec4<u32>(4u)) & vec4<u32>(0x0f0f0f0fu));
}

fn scale_minimum(row : Row, group : u32) -> vec2<f32> {
  return halves(word(row.panel + row.blocks * 4u * PanelRows + group * PanelRows + row.lane));
}
