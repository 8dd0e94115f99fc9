// Q5_1. Planes per block of 32: 4 words of nibbles (low nibbles are weights 0 to 15), 1 word of upper bits (bit i of byte b
// is weight 4i + b), 1 word scale | minimum << 16.

fn codes_of(row : Row, group : u32) -> Codes {
  let nibbles = words4(row.panel + (group * PanelRows + row.lane) * 4u);
  let bits = word(row.panel + (row.blocks * 4u + group) * PanelRows + row.lane);
  let a = vec4<u32>(bits << 4u, bits << 3u, bits << 2u, bits << 1u) & vec4<u32>(0x10101010u);
  let b = vec4<u32>(bits, bits >> 1u, bits >> 2u, bits >> 3u) & vec4<u32>(0x10101010u);
  return Codes((nibbles & vec4<u32>(0x0f0f0f0fu)) | a, ((nibbles >> vec4<u32>(4u)) & vec4<u32>(0x0f0f0f0fu)) | b);
}

fn scale_minimum(row : Row, group : u32) -> vec2<f32> {
  return halves(word(row.panel + (row.blocks * 5u + group) * PanelRows + row.lane));
}
