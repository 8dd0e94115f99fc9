// Q2_K. Planes per block of 256: 16 words of codes (2 per group: bit pair i of byte b of the first is weight 4i + b), 4 words of
// factors (2 bytes per group, one for each 16 weights: the scale's in the low nibble, the minimum's in the high one),
// 1 word scale | minimum << 16.

struct Codes {
  first : vec4<u32>,  // weights 0 to 15, four to a word
  second : vec4<u32>, // weights 16 to 31
}

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

fn group_dot(row : Row, group : u32, x : ptr<function, array<vec4<f32>, 8>>, x_sum : vec2<f32>) -> f32 {
  let codes = codes_of(row, group);
  let first = dot16(codes.first, (*x)[0], (*x)[1], (*x)[2], (*x)[3]);
  let second = dot16(codes.second, (*x)[4], (*x)[5], (*x)[6], (*x)[7]);
  let scales = scales_minimums(row, group);
  return dot(scales.xy, vec2<f32>(first, second)) - dot(scales.zw, x_sum);
}

fn group_load(row : Row, group : u32, w : ptr<function, array<vec4<f32>, 8>>) {
  let codes = codes_of(row, group);
  let scales = scales_minimums(row, group);
  (*w)[0] = bytes(codes.first.x) * scales.x - scales.z;
  (*w)[1] = bytes(codes.first.y) * scales.x - scales.z;
  (*w)[2] = bytes(codes.first.z) * scales.x - scales.z;
  (*w)[3] = bytes(codes.first.w) * scales.x - scales.z;
  (*w)[4] = bytes(codes.second.x) * scales.y - scales.w;
  (*w)[5] = bytes(codes.second.y) * scales.y - scales.w;
  (*w)[6] = bytes(codes.second.z) * scales.y - scales.w;
  (*w)[7] = bytes(codes.second.w) * scales.y - scales.w;
}
