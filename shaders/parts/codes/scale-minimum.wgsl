// Types of codes from 0 up, a scale and a minimum for all 32 weights of a group: their own file has `codes_of` and `scale_minimum`.

fn group_dot(row : Row, group : u32, x : ptr<function, Group>, x_sum : vec2<f32>) -> f32 {
  let sums = code_dots(codes_of(row, group), x);
  let scale = scale_minimum(row, group);
  return scale.x * (sums.x + sums.y) + scale.y * (x_sum.x + x_sum.y);
}

fn group_load(row : Row, group : u32, w : ptr<function, Group>) {
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
