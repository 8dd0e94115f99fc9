// Q2_0. Planes per block of 128: 8 words of codes (2 per group), 1 word scale | scale << 16.

fn scale_of(row : Row, group : u32) -> f32 {
  return half(word(row.panel + (row.blocks * 8u + (group >> 2u)) * PanelRows + row.lane) >> ((group & 2u) * 8u));
}
