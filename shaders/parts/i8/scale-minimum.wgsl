// Codes from 0 up, a scale and a minimum for all 32.
fn input_dot(row : Row, group : u32, x : ptr<function, Input>, x_sum : vec2<f32>) -> f32 {
  let codes = codes_of(row, group);
  let scale = scale_minimum(row, group);
  let sum = (*x).scale * f32(integer_dot16(codes.first, (*x).first) + integer_dot16(codes.second, (*x).second));
  return scale.x * sum + scale.y * (x_sum.x + x_sum.y);
}
