// Q1_0. Planes per block of 256: 8 words of bits (1 per group: bit i of byte b is weight 4i + b), 1 word scale | scale << 16.

// 1 where bits are set, else -1.
fn codes_of(row : Row, group : u32) -> Codes {
  let bits = ~word(row.panel + ((group >> 2u) * PanelRows + row.lane) * 4u + (group & 3u));
  let first = vec4<u32>(bits, bits >> 1u, bits >> 2u, bits >> 3u) & vec4<u32>(0x01010101u);
  let second = vec4<u32>(bits >> 4u, bits >> 5u, bits >> 6u, bits >> 7u) & vec4<u32>(0x01010101u);
  return Codes(first * 254u + 0x01010101u, second * 254u + 0x01010101u);
}

fn scale_of(row : Row, group : u32) -> f32 {
  return half(word(row.panel + (row.blocks * 8u + (group >> 3u)) * PanelRows + row.lane) >> ((group & 4u) * 4u));
}
