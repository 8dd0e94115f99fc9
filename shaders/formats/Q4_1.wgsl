// Q4_1. Planes per block of 32: 4 words of nibbles (low nibbles are weights 0 to 15), 1 word scale | minimum << 16.

struct Codes {
  first : vec4<u32>,  // weights 0 to 15, four to a word
  second : vec4<u32>, // weights 16 to 31
}

fn codes_of(row : Row, group : u32) -> Codes {
  let nibbles = words4(row.panel + (group * PanelRows + row.lane) * 4u);
  return Codes(nibbles & vec4<u32>(0x0f0f0f0fu), (nibbles >> vec4<u32>(4u)) & vec4<u32>(0x0f0f0f0fu));
}

fn scale_minimum(row : Row, group : u32) -> vec2<f32> {
  return halves(word(row.panel + row.blocks * 4u * PanelRows + group * PanelRows + row.lane));
}

fn group_dot(row : Row, group : u32, x : ptr<function, array<vec4<f32>, 8>>, x_sum : vec2<f32>) -> f32 {
  let codes = codes_of(row, group);
  let scale = scale_minimum(row, group);
  let sum = dot16(codes.first, (*x)[0], (*x)[1], (*x)[2], (*x)[3]) + dot16(codes.second, (*x)[4], (*x)[5], (*x)[6], (*x)[7]);
  return scale.x * sum + scale.y * (x_sum.x + x_sum.y);
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
