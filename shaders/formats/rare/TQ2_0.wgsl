// TQ2_0. Planes per block of 256: 16 words of codes (2 per group), 1 word scale.

fn scale_of(row : Row, group : u32) -> f32 {
  return half(word(row.panel + (row.blocks * 16u + (group >> 3u)) * PanelRows + row.lane));
}
