// Q5_0. Planes per block of 64: 8 words of nibbles (4 per group, low nibbles are weights 0 to 15), 2 words of upper bits
// (1 per group: bit i of byte b is weight 4i + b), 1 word scale | scale << 16.

struct Codes {
  first : vec4<u32>,  // weights 0 to 15, four to a word
  second : vec4<u32>, // weights 16 to 31
}

fn codes_of(row : Row, group : u32) -> Codes {
  let nibbles = words4(row.panel + (group * PanelRows + row.lane) * 4u);
  let bits = word(row.panel + (row.blocks * 8u + group) * PanelRows + row.lane);
  let a = vec4<u32>(bits << 4u, bits << 3u, bits << 2u, bits << 1u) & vec4<u32>(0x10101010u);
  let b = vec4<u32>(bits, bits >> 1u, bits >> 2u, bits >> 3u) & vec4<u32>(0x10101010u);
  return Codes((nibbles & vec4<u32>(0x0f0f0f0fu)) | a, ((nibbles >> vec4<u32>(4u)) & vec4<u32>(0x0f0f0f0fu)) | b);
}

fn scale_of(row : Row, group : u32) -> f32 {
  return half(word(row.panel + (row.blocks * 10u + (group >> 1u)) * PanelRows + row.lane) >> ((group & 1u) * 16u));
}

fn group_dot(row : Row, group : u32, x : ptr<function, array<vec4<f32>, 8>>, x_sum : vec2<f32>) -> f32 {
  let codes = codes_of(row, group);
  let first = dot16(codes.first, (*x)[0], (*x)[1], (*x)[2], (*x)[3]);
  let second = dot16(codes.second, (*x)[4], (*x)[5], (*x)[6], (*x)[7]);
  return scale_of(row, group) * (first + second - 16.0 * (x_sum.x + x_sum.y));
}

fn group_load(row : Row, group : u32, w : ptr<function, array<vec4<f32>, 8>>) {
  let codes = codes_of(row, group);
  let scale = scale_of(row, group);
  (*w)[0] = (bytes(codes.first.x) - 16.0) * scale;
  (*w)[1] = (bytes(codes.first.y) - 16.0) * scale;
  (*w)[2] = (bytes(codes.first.z) - 16.0) * scale;
  (*w)[3] = (bytes(codes.first.w) - 16.0) * scale;
  (*w)[4] = (bytes(codes.second.x) - 16.0) * scale;
  (*w)[5] = (bytes(codes.second.y) - 16.0) * scale;
  (*w)[6] = (bytes(codes.second.z) - 16.0) * scale;
  (*w)[7] = (bytes(codes.second.w) - 16.0) * scale;
}
