// Q8_0. Planes per block of 64: 16 words of signed bytes (8 per group), 1 word scale | scale << 16.

struct Codes {
  first : vec4<u32>,  // weights 0 to 15, four signed bytes to a word
  second : vec4<u32>, // weights 16 to 31
}

fn codes_of(row : Row, group : u32) -> Codes {
  let index = row.panel + (group * 2u * PanelRows + row.lane) * 4u;
  return Codes(words4(index), words4(index + PanelRows * 4u));
}

fn scale_of(row : Row, group : u32) -> f32 {
  return half(word(row.panel + (row.blocks * 16u + (group >> 1u)) * PanelRows + row.lane) >> ((group & 1u) * 16u));
}

fn group_dot(row : Row, group : u32, x : ptr<function, array<vec4<f32>, 8>>, x_sum : vec2<f32>) -> f32 {
  let codes = codes_of(row, group);
  let sum = signed_dot16(codes.first, (*x)[0], (*x)[1], (*x)[2], (*x)[3]) + signed_dot16(codes.second, (*x)[4], (*x)[5], (*x)[6], (*x)[7]);
  return scale_of(row, group) * sum;
}

fn group_load(row : Row, group : u32, w : ptr<function, array<vec4<f32>, 8>>) {
  let codes = codes_of(row, group);
  let scale = scale_of(row, group);
  (*w)[0] = signed_bytes(codes.first.x) * scale;
  (*w)[1] = signed_bytes(codes.first.y) * scale;
  (*w)[2] = signed_bytes(codes.first.z) * scale;
  (*w)[3] = signed_bytes(codes.first.w) * scale;
  (*w)[4] = signed_bytes(codes.second.x) * scale;
  (*w)[5] = signed_bytes(codes.second.y) * scale;
  (*w)[6] = signed_bytes(codes.second.z) * scale;
  (*w)[7] = signed_bytes(codes.second.w) * scale;
}
