// IQ4_NL. Planes per block of 64: 8 words of nibbles (4 per group, low nibbles are weights 0 to 15), 1 word scale | scale << 16.

fn scale_of(row : Row, group : u32) -> f32 {
  return half(word(row.panel + (row.blocks * 8u + (group >> 1u)) * PanelRows + row.lane) >> ((group & 1u) * 16u));
}
