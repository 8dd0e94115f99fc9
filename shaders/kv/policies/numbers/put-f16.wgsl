// Puts what number_at reads: in ascending order, as the first of a word's two clears the other. Numbers of f16 are put as they are on every GPU.
fn put_number(first : u32, step : u32, n : u32, x : f32) {
  let at = first + (n / 2u) * step;
  let half = pack2x16float(vec2<f32>(x, 0.0));
  pages[at] = select(half, pages[at] | (half << 16u), n % 2u == 1u);
}
