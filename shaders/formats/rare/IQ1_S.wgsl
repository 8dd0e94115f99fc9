// IQ1_S. Planes per block of 256: 8 words of the lower bytes of indices (1 per group), 4 words (16 bits per group: four times 3 upper bits
// of an index, a factor of 3 bits, a sign), 1 word scale.

fn rest_of(row : Row, group : u32) -> u32 {
  let at = row.panel + (row.blocks * 8u + (group >> 3u) * 4u) * PanelRows + row.lane * 4u + ((group >> 1u) & 3u);
  return (word(at) >> ((group & 1u) * 16u)) & 0xffffu;
}

fn codes_of(row : Row, group : u32) -> Codes {
  let low = word(row.panel + ((group >> 2u) * PanelRows + row.lane) * 4u + (group & 3u));
  let rest = rest_of(row, group);
  let negative = rest >= 0x8000u;
  let a = eight((low & 255u) | ((rest & 7u) << 8u), negative);
  let b = eight(((low >> 8u) & 255u) | ((rest & 0x38u) << 5u), negative);
  let c = eight(((low >> 16u) & 255u) | ((rest & 0x1c0u) << 2u), negative);
  let d = eight((low >> 24u) | ((rest & 0xe00u) >> 1u), negative);
  return Codes(vec4<u32>(a, b), vec4<u32>(c, d));
}

fn scale_of(row : Row, group : u32) -> f32 {
  let scale = half(word(row.panel + (row.blocks * 12u + (group >> 3u)) * PanelRows + row.lane));
  return 0.125 * scale * f32(2u * ((rest_of(row, group) >> 12u) & 7u) + 1u);
}
