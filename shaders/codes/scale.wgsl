// Types of signed codes and a scale for all 32 weights of a group: their own file has `codes_of` and `scale_of`.
struct Codes {
  first : vec4<u32>,  // weights 0 to 15, four signed bytes to a word
  second : vec4<u32>, // weights 16 to 31
}

fn group_dot(row : Row, group : u32, x : ptr<function, array<vec4<f32>, 8>>, x_sum : vec2<f32>) -> f32 {
  let codes = codes_of(row, group);
  let first = signed_dot16(codes.first, (*x)[0], (*x)[1], (*x)[2], (*x)[3]);
  let second = signed_dot16(codes.second, (*x)[4], (*x)[5], (*x)[6], (*x)[7]);
  return scale_of(row, group) * (first + second);
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
