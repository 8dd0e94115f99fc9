// Q3_K. Planes per block of 256: 16 words of lower bit pairs (2 per group: pair i of byte b of the first is weight 4i + b), 8
// words of sign bits (1 per group: bit i of byte b is weight 4i + b), 4 words of scales: scale, then 6-bit factors, two per
// group for 16 weights each: a byte of low nibbles per group (2 words), four upper bits per group (1).

// 32 times the codes.
fn codes_of(row : Row, group : u32) -> Codes {
  let at = row.panel + ((group >> 1u) * PanelRows + row.lane) * 4u + (group & 1u) * 2u;
  let pairs = vec2<u32>(word(at), word(at + 1u));
  let signs = word(row.panel + (row.blocks * 16u + (group >> 2u) * 4u) * PanelRows + row.lane * 4u + (group & 3u));
  let first = vec4<u32>(pairs.x << 5u, pairs.x << 3u, pairs.x << 1u, pairs.x >> 1u) & vec4<u32>(0x60606060u);
  let second = vec4<u32>(pairs.y << 5u, pairs.y << 3u, pairs.y << 1u, pairs.y >> 1u) & vec4<u32>(0x60606060u);
  let a = vec4<u32>(signs << 7u, signs << 6u, signs << 5u, signs << 4u) & vec4<u32>(0x80808080u);
  let b = vec4<u32>(signs << 3u, signs << 2u, signs << 1u, signs) & vec4<u32>(0x80808080u);
  return Codes(first | a, second | b);
}

// The scales of the first and of the last 16 weights.
fn scales_of(row : Row, group : u32) -> vec2<f32> {
  let header = words4(row.panel + (row.blocks * 24u + (group >> 3u) * 4u) * PanelRows + row.lane * 4u);
  let low = select(header.y, header.z, (group & 4u) != 0u) >> ((group & 3u) * 8u);
  let upper = header.w >> ((group & 7u) * 4u);
  let factors = vec2<u32>((low & 15u) | ((upper & 3u) << 4u), ((low >> 4u) & 15u) | ((upper & 12u) << 2u));
  return 0.03125 * half(header.x) * (vec2<f32>(factors) - 32.0);
}
