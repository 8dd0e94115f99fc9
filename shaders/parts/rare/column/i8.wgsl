// Columns of signed bytes: four numbers to a word.
fn column_quad(first : u32, quad : u32) -> vec4<f32> {
  return signed_bytes(word(first + quad));
}
