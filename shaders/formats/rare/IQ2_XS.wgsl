// IQ2_XS. Planes per block of 256: 16 words (2 per group: four times 9 bits of an index and 7 of signs), 3 words of scales: factors of
// 4 bits (a byte per group: the first 16 weights' is the lower one), scale.

fn signed_eight(both : u32) -> vec2<u32> {
  return eight(both & 511u, eight_signs(both >> 9u));
}

fn codes_of(row : Row, group : u32) -> Codes {
  let at = row.panel + ((group >> 1u) * PanelRows + row.lane) * 4u + (group & 1u) * 2u;
  let pair = vec2<u32>(word(at), word(at + 1u));
  return Codes(
    vec4<u32>(signed_eight(pair.x & 0xffffu), signed_eight(pair.x >> 16u)),
    vec4<u32>(signed_eight(pair.y & 0xffffu), signed_eight(pair.y >> 16u)));
}

// The scales of the first and of the last 16 weights.
fn scales_of(row : Row, group : u32) -> vec2<f32> {
  let at = row.panel + (row.blocks * 16u + (group >> 3u) * 3u) * PanelRows + row.lane;
  let factors = word(at + ((group >> 2u) & 1u) * PanelRows) >> ((group & 3u) * 8u);
  let scale = 0.125 * half(word(at + 2u * PanelRows));
  return scale * vec2<f32>(2u * (vec2<u32>(factors, factors >> 4u) & vec2<u32>(15u)) + vec2<u32>(1u));
}
