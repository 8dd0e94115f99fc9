// Columns of floats.
fn column_quad(first : u32, quad : u32) -> vec4<f32> {
  return bitcast<vec4<f32>>(words4(first + 4u * quad));
}
