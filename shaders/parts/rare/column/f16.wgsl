// Columns of f16: two numbers to a word.
fn column_quad(first : u32, quad : u32) -> vec4<f32> {
  return vec4<f32>(halves(word(first + 2u * quad)), halves(word(first + 2u * quad + 1u)));
}
