// Columns of nibbles in two's complement: eight numbers to a word.
fn column_quad(first : u32, quad : u32) -> vec4<f32> {
  let nibbles = word(first + quad / 2u) >> (16u * (quad & 1u));
  return vec4<f32>(bitcast<vec4<i32>>(vec4<u32>(nibbles << 28u, nibbles << 24u, nibbles << 20u, nibbles << 16u)) >> vec4<u32>(28u));
}
