// IQ2_S. Planes per block of 256: 16 words (2 per group: the lower bytes of four indices; four bytes of signs), 4 words: two of the upper
// bit pairs of the indices (a byte per group), two of factors of 4 bits (a byte per group: the first 16 weights' is the lower one), 1 word
// scale.

fn header_of(row : Row, group : u32) -> vec4<u32> {
  return words4(row.panel + (row.blocks * 16u + (group >> 3u) * 4u) * PanelRows + row.lane * 4u);
}

fn codes_of(row : Row, group : u32) -> Codes {
  let at = row.panel + ((group >> 1u) * PanelRows + row.lane) * 4u + (group & 1u) * 2u;
  let low = word(at);
  let signs = word(at + 1u);
  let header = header_of(row, group);
  let upper = select(header.x, header.y, (group & 4u) != 0u) >> ((group & 3u) * 8u);
  let a = eight((low & 255u) | ((upper & 3u) << 8u), signs);
  let b = eight(((low >> 8u) & 255u) | ((upper & 12u) << 6u), signs >> 8u);
  let c = eight(((low >> 16u) & 255u) | ((upper & 48u) << 4u), signs >> 16u);
  let d = eight((low >> 24u) | ((upper & 192u) << 2u), signs >> 24u);
  return Codes(vec4<u32>(a, b), vec4<u32>(c, d));
}

// The scales of the first and of the last 16 weights.
fn scales_of(row : Row, group : u32) -> vec2<f32> {
  let header = header_of(row, group);
  let factors = select(header.z, header.w, (group & 4u) != 0u) >> ((group & 3u) * 8u);
  let scale = 0.125 * half(word(row.panel + (row.blocks * 20u + (group >> 3u)) * PanelRows + row.lane));
  return scale * vec2<f32>(2u * (vec2<u32>(factors, factors >> 4u) & vec2<u32>(15u)) + vec2<u32>(1u));
}
