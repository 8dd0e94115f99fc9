// Types of signed codes, a scale for the first and one for the last 16 weights of a group: their own file has `codes_of` and `scales_of`.

fn group_dot(row : Row, group : u32, x : ptr<function, Group>, x_sum : vec2<f32>) -> f32 {
  let sums = code_dots(codes_of(row, group), x);
  return dot(scales_of(row, group), sums);
}

fn group_load(row : Row, group : u32, w : ptr<function, Group>) {
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
