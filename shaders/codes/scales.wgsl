// Types of signed codes, a scale for the first and one for the last 16 weights of a group: their own file has `codes_of` and `scales_of`.
struct Codes {
  first : vec4<u32>,  // weights 0 to 15, four signed bytes to a word
  second : vec4<u32>, // weights 16 to 31
}

fn group_dot(row : Row, group : u32, x : ptr<function, array<vec4<f32>, 8>>, x_sum : vec2<f32>) -> f32 {
  let codes = codes_of(row, group);
  let first = signed_dot16(codes.first, (*x)[0], (*x)[1], (*x)[2], (*x)[3]);
  let second = signed_dot16(codes.second, (*x)[4], (*x)[5], (*x)[6], (*x)[7]);
  return dot(scales_of(row, group), vec2<f32>(first, second));
}

fn group_load(row : Row, group : u32, w : ptr<function, array<vec4<f32>, 8>>) {
  let codes = codes_of(row, group);
  let scales = scales_of(row, group);
  (*w)[0] = signed_bytes(codes.first.x) * scales.x;
  (*w)[1] = signed_bytes(codes.first.y) * scales.x;
  (*w)[2] = signed_bytes(codes.first.z) * scales.x;
  (*w)[3] = signed_bytes(codes.first.w) * scales.x;
  (*w)[4] = signed_bytes(codes.second.x) * scales.y;
  (*w)[5] = signed_bytes(codes.second.y) * scales.y;
  (*w)[6] = signed_bytes(codes.second.z) * scales.y;
  (*w)[7] = signed_bytes(codes.second.w) * scales.y;
}
