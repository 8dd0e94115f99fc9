// Q5_K. Planes per block of 256: 32 words of nibbles (4 per group, low nibbles are weights 0 to 15), 8 words of upper bits
// (1 per group: bit i of byte b is weight 4i + b), 4 words of factors (2 bytes per group: the scale's, the minimum's),
// 1 word scale | minimum << 16.

fn codes_of(row : Row, group : u32) -> Codes {
  let nibbles = words4(row.panel + (group * PanelRows + row.lane) * 4u);
  let bits = word(row.panel + (row.blocks * 32u + (group >> 2u) * 4u) * PanelRows + row.lane * 4u + (group & 3u));
  let a = vec4<u32>(bits << 4u, bits << 3u, bits << 2u, bits << 1u) & vec4<u32>(0x10101010u);
  let b = vec4<u32>(bits, bits >> 1u, bits >> 2u, bits >> 3u) & vec4<u32>(0x10101010u);
  return Codes((nibbles & vec4<u32>(0x0f0f0f0fu)) | a, ((nibbles >> vec4<u32>(4u)) & vec4<u32>(0x0f0f0f0fu)) | b);
}

fn scale_minimum(row : Row, group : u32) -> vec2<f32> {
  let block = group >> 3u;
  let factors = word(row.panel + (row.blocks * 40u + block * 4u) * PanelRows + row.lane * 4u + ((group >> 1u) & 3u)) >> ((group & 1u) * 16u);
  let both = halves(word(row.panel + (row.blocks * 44u + block) * PanelRows + row.lane));
  return both * vec2<f32>(1.0, -1.0) * vec2<f32>(vec2<u32>(factors, factors >> 8u) & vec2<u32>(255u));
}
