// IQ1_M. Planes per block of 256: 8 words of the lower bytes of indices (1 per group), 4 words of nibbles (16 bits per group: of each
// index 3 upper bits, then a sign), 2 words of scales: four times 16 bits of four factors of 3 bits and, at the top, four bits of the scale.

fn codes_of(row : Row, group : u32) -> Codes {
  let low = word(row.panel + ((group >> 2u) * PanelRows + row.lane) * 4u + (group & 3u));
  let at = row.panel + (row.blocks * 8u + (group >> 3u) * 4u) * PanelRows + row.lane * 4u + ((group >> 1u) & 3u);
  let rest = word(at) >> ((group & 1u) * 16u);
  let a = eight((low & 255u) | ((rest & 0x7u) << 8u), (rest & 0x8u) != 0u);
  let b = eight(((low >> 8u) & 255u) | ((rest & 0x70u) << 4u), (rest & 0x80u) != 0u);
  let c = eight(((low >> 16u) & 255u) | (rest & 0x700u), (rest & 0x800u) != 0u);
  let d = eight((low >> 24u) | ((rest & 0x7000u) >> 4u), (rest & 0x8000u) != 0u);
  return Codes(vec4<u32>(a, b), vec4<u32>(c, d));
}

// The scales of the first and of the last 16 weights.
fn scales_of(row : Row, group : u32) -> vec2<f32> {
  let at = row.panel + (row.blocks * 12u + (group >> 3u) * 2u) * PanelRows + row.lane;
  let scales = vec2<u32>(word(at), word(at + PanelRows));
  let scale = ((scales.x >> 12u) & 15u) | ((scales.x >> 24u) & 0xf0u) | ((scales.y >> 4u) & 0xf00u) | ((scales.y >> 16u) & 0xf000u);
  let factors = select(scales.x, scales.y, (group & 4u) != 0u) >> ((group & 2u) * 8u + (group & 1u) * 6u);
  return 0.125 * half(scale) * vec2<f32>(2u * (vec2<u32>(factors, factors >> 3u) & vec2<u32>(7u)) + vec2<u32>(1u));
}
