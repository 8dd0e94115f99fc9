// Q3_K. Planes per block of 256: 16 words of lower bit pairs (2 per group: pair i of byte b of the first is weight 4i + b), 8
// words of upper bits (1 per group: bit i of byte b is weight 4i + b), 4 words of scales: scale, then 6-bit factors, two per
// group for 16 weights each: a byte of low nibbles per group (2 words), four upper bits per group (1).

struct Codes {
  first : vec4<u32>,  // weights 0 to 15, four to a word
  second : vec4<u32>, // weights 16 to 31
}

fn codes_of(row : Row, group : u32) -> Codes {
  let words = words4(row.panel + ((group >> 1u) * PanelRows + row.lane) * 4u);
  let pairs = select(words.xy, words.zw, (group & 1u) != 0u);
  let bits = word(row.panel + (row.blocks * 16u + (group >> 2u) * 4u) * PanelRows + row.lane * 4u + (group & 3u));
  let first = vec4<u32>(pairs.x, pairs.x >> 2u, pairs.x >> 4u, pairs.x >> 6u) & vec4<u32>(0x03030303u);
  let second = vec4<u32>(pairs.y, pairs.y >> 2u, pairs.y >> 4u, pairs.y >> 6u) & vec4<u32>(0x03030303u);
  let a = vec4<u32>(bits << 2u, bits << 1u, bits, bits >> 1u) & vec4<u32>(0x04040404u);
  let b = vec4<u32>(bits >> 2u, bits >> 3u, bits >> 4u, bits >> 5u) & vec4<u32>(0x04040404u);
  return Codes(first | a, second | b);
}

// The scales of the first and of the last 16 weights.
fn scales_of(row : Row, group : u32) -> vec2<f32> {
  let header = words4(row.panel + (row.blocks * 24u + (group >> 3u) * 4u) * PanelRows + row.lane * 4u);
  let low = select(header.y, header.z, (group & 4u) != 0u) >> ((group & 3u) * 8u);
  let upper = header.w >> ((group & 7u) * 4u);
  let factors = vec2<u32>((low & 15u) | ((upper & 3u) << 4u), ((low >> 4u) & 15u) | ((upper & 12u) << 2u));
  return half(header.x) * (vec2<f32>(factors) - 32.0);
}

fn group_dot(row : Row, group : u32, x : ptr<function, array<vec4<f32>, 8>>, x_sum : vec2<f32>) -> f32 {
  let codes = codes_of(row, group);
  let first = dot16(codes.first, (*x)[0], (*x)[1], (*x)[2], (*x)[3]);
  let second = dot16(codes.second, (*x)[4], (*x)[5], (*x)[6], (*x)[7]);
  return dot(scales_of(row, group), vec2<f32>(first, second) - 4.0 * x_sum);
}

fn group_load(row : Row, group : u32, w : ptr<function, array<vec4<f32>, 8>>) {
  let codes = codes_of(row, group);
  let scales = scales_of(row, group);
  (*w)[0] = (bytes(codes.first.x) - 4.0) * scales.x;
  (*w)[1] = (bytes(codes.first.y) - 4.0) * scales.x;
  (*w)[2] = (bytes(codes.first.z) - 4.0) * scales.x;
  (*w)[3] = (bytes(codes.first.w) - 4.0) * scales.x;
  (*w)[4] = (bytes(codes.second.x) - 4.0) * scales.y;
  (*w)[5] = (bytes(codes.second.y) - 4.0) * scales.y;
  (*w)[6] = (bytes(codes.second.z) - 4.0) * scales.y;
  (*w)[7] = (bytes(codes.second.w) - 4.0) * scales.y;
}
