// Q4_K. Planes per block of 256: 32 words of nibbles (4 per group, low nibbles are weights 0 to 15), 4 words of factors
// (2 bytes per group: the scale's, the minimum's), 1 word scale | minimum << 16.

fn codes_of(row : Row, group : u32) -> Codes {
  let nibbles = words4(row.panel + (group * PanelRows + row.lane) * 4u);
  return Codes(nibbles & vec4<u32>(0x0f0f0f0fu), (nibbles >> vec4<u32>(4u)) & vec4<u32>(0x0f0f0f0fu));
}

// The scale and the minimum of a group.
fn scale_minimum(row : Row, group : u32) -> vec2<f32> {
  let block = group >> 3u;
  let factors = word(row.panel + (row.blocks * 32u + block * 4u) * PanelRows + row.lane * 4u + ((group >> 1u) & 3u)) >> ((group & 1u) * 16u);
  let both = halves(word(row.panel + (row.blocks * 36u + block) * PanelRows + row.lane));
  return both * vec2<f32>(1.0, -1.0) * vec2<f32>(vec2<u32>(factors, factors >> 8u) & vec2<u32>(255u));
}
