// Q8_0. Planes per block of 64: 16 words of signed bytes (8 per group), 1 word scale | scale << 16.

fn codes_of(row : Row, group : u32) -> Codes {
  let index = row.panel + (group * 2u * PanelRows + row.lane) * 4u;
  return Codes(words4(index), words4(index + PanelRows * 4u));
}

fn scale_of(row : Row, group : u32) -> f32 {
  return half(word(row.panel + (row.blocks * 16u + (group >> 1u)) * PanelRows + row.lane) >> ((group & 1u) * 16u));
}
