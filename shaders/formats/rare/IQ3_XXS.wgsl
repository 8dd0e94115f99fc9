// IQ3_XXS. Planes per block of 256: 16 words of indices (8 bytes per group), 8 words (1 per group: four times 7 bits of signs, then a
// factor of 4 bits), 1 word scale.

fn signs_of(row : Row, group : u32) -> u32 {
  return word(row.panel + (row.blocks * 16u + (group >> 2u) * 4u) * PanelRows + row.lane * 4u + (group & 3u));
}

fn codes_of(row : Row, group : u32) -> Codes {
  let at = row.panel + ((group >> 1u) * PanelRows + row.lane) * 4u + (group & 1u) * 2u;
  let pair = vec2<u32>(word(at), word(at + 1u));
  let signs = signs_of(row, group);
  let a = eight(pair.x & 255u, (pair.x >> 8u) & 255u, eight_signs(signs));
  let b = eight((pair.x >> 16u) & 255u, pair.x >> 24u, eight_signs(signs >> 7u));
  let c = eight(pair.y & 255u, (pair.y >> 8u) & 255u, eight_signs(signs >> 14u));
  let d = eight((pair.y >> 16u) & 255u, pair.y >> 24u, eight_signs(signs >> 21u));
  return Codes(vec4<u32>(a, b), vec4<u32>(c, d));
}

fn scale_of(row : Row, group : u32) -> f32 {
  let scale = half(word(row.panel + (row.blocks * 24u + (group >> 3u)) * PanelRows + row.lane));
  return 0.25 * scale * f32(2u * (signs_of(row, group) >> 28u) + 1u);
}
