// IQ3_S. Planes per block of 256: 16 words of the lower bytes of indices (8 per group), 8 words of signs (1 per group), 4 words: two of
// the upper bits of indices (a byte per group), one of factors (4 bits per group), scale.

fn header_of(row : Row, group : u32) -> vec4<u32> {
  return words4(row.panel + (row.blocks * 24u + (group >> 3u) * 4u) * PanelRows + row.lane * 4u);
}

fn codes_of(row : Row, group : u32) -> Codes {
  let at = row.panel + ((group >> 1u) * PanelRows + row.lane) * 4u + (group & 1u) * 2u;
  let pair = vec2<u32>(word(at), word(at + 1u));
  let signs = word(row.panel + (row.blocks * 16u + (group >> 2u) * 4u) * PanelRows + row.lane * 4u + (group & 3u));
  let header = header_of(row, group);
  let upper = select(header.x, header.y, (group & 4u) != 0u) >> ((group & 3u) * 8u);
  let low = vec4<u32>(0u, 8u, 16u, 24u);
  let first = ((vec4<u32>(pair.x) >> low) & vec4<u32>(255u)) | ((vec4<u32>(upper) << vec4<u32>(8u, 7u, 6u, 5u)) & vec4<u32>(256u));
  let second = ((vec4<u32>(pair.y) >> low) & vec4<u32>(255u)) | ((vec4<u32>(upper) << vec4<u32>(4u, 3u, 2u, 1u)) & vec4<u32>(256u));
  let a = eight(first.x, first.y, signs);
  let b = eight(first.z, first.w, signs >> 8u);
  let c = eight(second.x, second.y, signs >> 16u);
  let d = eight(second.z, second.w, signs >> 24u);
  return Codes(vec4<u32>(a, b), vec4<u32>(c, d));
}

fn scale_of(row : Row, group : u32) -> f32 {
  let header = header_of(row, group);
  return half(header.w) * f32(2u * ((header.z >> ((group & 7u) * 4u)) & 15u) + 1u);
}
