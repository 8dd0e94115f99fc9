// IQ4_XS. Planes per block of 256: 32 words of nibbles (4 per group, low nibbles are weights 0 to 15), 2 words of scales:
// scale and eight upper bit pairs of the groups' factors, the eight nibbles of the factors.

fn scale_of(row : Row, group : u32) -> f32 {
  let index = row.panel + (row.blocks * 32u + (group >> 3u) * 2u) * PanelRows + row.lane;
  let header = word(index);
  let low = word(index + PanelRows) >> ((group & 7u) * 4u);
  let upper = header >> (16u + (group & 7u) * 2u);
  return half(header) * (f32((low & 15u) | ((upper & 3u) << 4u)) - 32.0);
}
