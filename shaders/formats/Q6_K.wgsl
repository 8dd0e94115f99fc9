// Q6_K. Planes per block of 256: 32 words of nibbles (4 per group, low nibbles are weights 0 to 15), 16 words of upper bit
// pairs (2 per group: pair i of byte b of the first is weight 4i + b), which make two's complement of the codes, 4 words of
// signed bytes (2 per group, each the factor of 16 weights), 1 word scale.

// 4 times the codes.
fn codes_of(row : Row, group : u32) -> Codes {
  let nibbles = words4(row.panel + (group * PanelRows + row.lane) * 4u);
  let at = row.panel + (row.blocks * 32u + (group >> 1u) * 4u) * PanelRows + row.lane * 4u + (group & 1u) * 2u;
  let upper = vec2<u32>(word(at), word(at + 1u));
  let a = vec4<u32>(upper.x << 6u, upper.x << 4u, upper.x << 2u, upper.x) & vec4<u32>(0xc0c0c0c0u);
  let b = vec4<u32>(upper.y << 6u, upper.y << 4u, upper.y << 2u, upper.y) & vec4<u32>(0xc0c0c0c0u);
  return Codes(((nibbles << vec4<u32>(2u)) & vec4<u32>(0x3c3c3c3cu)) | a, ((nibbles >> vec4<u32>(2u)) & vec4<u32>(0x3c3c3c3cu)) | b);
}

// The scales of the first and of the last 16 weights.
fn scales_of(row : Row, group : u32) -> vec2<f32> {
  let block = group >> 3u;
  let factors = word(row.panel + (row.blocks * 48u + block * 4u) * PanelRows + row.lane * 4u + ((group >> 1u) & 3u)) >> ((group & 1u) * 16u);
  let scale = 0.25 * half(word(row.panel + (row.blocks * 52u + block) * PanelRows + row.lane));
  return scale * vec2<f32>(bitcast<vec2<i32>>(vec2<u32>(factors << 24u, factors << 16u)) >> vec2<u32>(24u));
}
