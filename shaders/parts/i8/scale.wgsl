// Signed codes, a scale for all 32.
fn input_dot(row : Row, group : u32, x : ptr<function, Input>, x_sum : vec2<f32>) -> f32 {
  let codes = codes_of(row, group);
  return scale_of(row, group) * (*x).scale * f32(integer_dot16(codes.first, (*x).first) + integer_dot16(codes.second, (*x).second));
}
