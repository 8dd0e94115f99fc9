// Q5_K. Planes per block of 256: 32 words of nibbles (4 per group, low nibbles are weights 0 to 15), 8 words of upper bits
// (1 per group: bit i of byte b is weight 4i + b), 4 words of factors (2 bytes per group: the scale's, the minimum's),
// 1 word scale | minimum << 16.

struct Codes {
  first : vec4<u32>,  // weights 0 to 15, four to a word
  second : vec4<u32>, // weights 16 to 31
}

fn codes_of(row : Row, group : u32) -> Codes {
  let nibbles = words4(row.panel + (group * PanelRows + row.lane) * 4u);
  let bits = word(row.panel + (row.blocks * 32u + (group >> 2u) * 4u) * PanelRows + row.lane * 4u + (group & 3u));
  let a = vec4<u32>(bits << 4u, bits << 3u, bits << 2u, bits << 1u) & vec4<u32>(0x10101010u);
  let b = vec4<u32>(bits, bits >> 1u, bits >> 2u, bits >> 3u) & vec4<u32>(0x10101010u);
  return Codes((nibbles & vec4<u32>(0x0f0f0f0fu)) | a, ((nibbles >> vec4<u32>(4u)) & vec4<u32>(0x0f0f0f0fu)) | b);
}

fn scale_minimum(row : Row, group : u32) -> vec2<f32> {
  let block = group >> 3u;
  let factors = word(row.panel + (row.blocks * 40u + block * 4u) * PanelRows + row.lane * 4u + ((group >> 1u) & 3u)) >> ((group & 1u) * 16u);
  let both = halves(word(row.panel + (row.blocks * 44u + block) * PanelRows + row.lane));
  return both * vec2<f32>(1.0, -1.0) * vec2<f32>(vec2<u32>(factors, factors >> 8u) & vec2<u32>(255u));
}

fn group_dot(row : Row, group : u32, x : ptr<function, array<vec4<f32>, 8>>, x_sum : vec2<f32>) -> f32 {
  let codes = codes_of(row, group);
  let first = dot16(codes.first, (*x)[0], (*x)[1], (*x)[2], (*x)[3]);
  let second = dot16(codes.second, (*x)[4], (*x)[5], (*x)[6], (*x)[7]);
  let scale = scale_minimum(row, group);
  return scale.x * (first + second) + scale.y * (x_sum.x + x_sum.y);
}

fn group_load(row : Row, group : u32, w : ptr<function, array<vec4<f32>, 8>>) {
  let codes = codes_of(row, group);
  let scale = scale_minimum(row, group);
  (*w)[0] = bytes(codes.first.x) * scale.x + scale.y;
  (*w)[1] = bytes(codes.first.y) * scale.x + scale.y;
  (*w)[2] = bytes(codes.first.z) * scale.x + scale.y;
  (*w)[3] = bytes(codes.first.w) * scale.x + scale.y;
  (*w)[4] = bytes(codes.second.x) * scale.x + scale.y;
  (*w)[5] = bytes(codes.second.y) * scale.x + scale.y;
  (*w)[6] = bytes(codes.second.z) * scale.x + scale.y;
  (*w)[7] = bytes(codes.second.w) * scale.x + scale.y;
}
