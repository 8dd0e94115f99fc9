// Types of codes from 0 up, a scale and a minimum for the first and for the last 16 weights of a group: their own file has
// `codes_of` and `scales_minimums`.
struct Codes {
  first : vec4<u32>,  // weights 0 to 15, four bytes to a word
  second : vec4<u32>, // weights 16 to 31
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
