// Signed codes, a scale for the first and one for the last 16.
fn input_dot(row : Row, group : u32, x : ptr<function, Input>, x_sum : vec2<f32>) -> f32 {
  let codes = codes_of(row, group);
  let sums = vec2<f32>(f32(integer_dot16(codes.first, (*x).first)), f32(integer_dot16(codes.second, (*x).second)));
  return (*x).scale * dot(scales_of(row, group), sums);
}
