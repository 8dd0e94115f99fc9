// Signed codes of a group, and the sums of the first and of the last 16 times activations.
struct Codes {
  first : vec4<u32>,  // weights 0 to 15, four signed bytes to a word
  second : vec4<u32>, // weights 16 to 31
}

fn code_dots(codes : Codes, x : ptr<function, Group>) -> vec2<f32> {
  return vec2<f32>(signed_dot16(codes.first, (*x)[0], (*x)[1], (*x)[2], (*x)[3]), signed_dot16(codes.second, (*x)[4], (*x)[5], (*x)[6], (*x)[7]));
}
