// Q2_K. Planes per block of 256: 16 words of codes (2 per group: bit pair i of byte b of the first is weight 4i + b), 4 words of
// factors (2 bytes per group, one for each 16 weights: the scale's in the low nibble, the minimum's in the high one),
// 1 word scale | minimum << 16.

fn codes_of(row : Row, group : u32) -> Codes {
  let at = row.panel + ((group >> 1u) * PanelRows + row.lane) * 4u + (group & 1u) * 2u;
  let pairs = vec2<u32>(word(at), word(at + 1u));
  let first = vec4<u32>(pairs.x, pairs.x >> 2u, pairs.x >> 4u, pairs.x >> 6u);
  let second = vec4<u32>(pairs.y, pairs.y >> 2u, pairs.y >> 4u, pairs.y >> 6u);
  return Codes(first & vec4<u32>(0x03030303u), second & vec4<u32>(0x03030303u));
}

// The scales of the first and of the last 16 weights (xy), and their minimums (zw).
fn scales_minimums(row : Row, group : u32) -> vec4<f32> {
  let block = group >> 3u;
  let factors = word(row.panel + (row.blocks * 16u + block * 4u) * PanelRows + row.lane * 4u + ((group >> 1u) & 3u)) >> ((group & 1u) * 16u);
  let both = halves(word(row.panel + (row.blocks * 20u + block) * PanelRows + row.lane));
  return both.xxyy * vec4<f32>(vec4<u32>(factors, factors >> 8u, factors >> 4u, factors >> 12u) & vec4<u32>(15u));
}
