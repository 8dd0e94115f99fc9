// IQ2_XXS. Planes per block of 256: 16 words (2 per group: four indices of a byte; four times 7 bits of signs, then a factor of
// 4 bits), 1 word scale.

fn pair_of(row : Row, group : u32) -> vec2<u32> {
  let at = row.panel + ((group >> 1u) * PanelRows + row.lane) * 4u + (group & 1u) * 2u;
  return vec2<u32>(word(at), word(at + 1u));
}

fn codes_of(row : Row, group : u32) -> Codes {
  let pair = pair_of(row, group);
  let a = eight(pair.x & 255u, eight_signs(pair.y));
  let b = eight((pair.x >> 8u) & 255u, eight_signs(pair.y >> 7u));
  let c = eight((pair.x >> 16u) & 255u, eight_signs(pair.y >> 14u));
  let d = eight(pair.x >> 24u, eight_signs(pair.y >> 21u));
  return Codes(vec4<u32>(a, b), vec4<u32>(c, d));
}

fn scale_of(row : Row, group : u32) -> f32 {
  let scale = half(word(row.panel + (row.blocks * 16u + (group >> 3u)) * PanelRows + row.lane));
  return 0.125 * scale * f32(2u * (pair_of(row, group).y >> 28u) + 1u);
}
