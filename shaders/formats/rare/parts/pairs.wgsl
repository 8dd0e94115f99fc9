// Types of codes of two bits, less 1. A group has two words: bit pair i of byte b of the first is weight 4i + b.

// Codes from 0 up, less 1: no byte borrows of the next, as all have their top bit set.
fn less_one(codes : vec4<u32>) -> vec4<u32> {
  return ((codes | vec4<u32>(0x80808080u)) - vec4<u32>(0x01010101u)) ^ vec4<u32>(0x80808080u);
}

fn codes_of(row : Row, group : u32) -> Codes {
  let at = row.panel + ((group >> 1u) * PanelRows + row.lane) * 4u + (group & 1u) * 2u;
  let pairs = vec2<u32>(word(at), word(at + 1u));
  let first = vec4<u32>(pairs.x, pairs.x >> 2u, pairs.x >> 4u, pairs.x >> 6u);
  let second = vec4<u32>(pairs.y, pairs.y >> 2u, pairs.y >> 4u, pairs.y >> 6u);
  return Codes(less_one(first & vec4<u32>(0x03030303u)), less_one(second & vec4<u32>(0x03030303u)));
}
