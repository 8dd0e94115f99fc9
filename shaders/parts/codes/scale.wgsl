// Types of signed codes and a scale for all 32 weights of a group: their own file has `codes_of` and `scale_of`.

fn group_dot(row : Row, group : u32, x : ptr<function, Group>, x_sum : vec2<f32>) -> f32 {
  let sums = code_dots(codes_of(row, group), x);
  return scale_of(row, group) * (sums.x + sums.y);
}

fn group_load(row : Row, group : u32, w : ptr<function, Group>) {
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
