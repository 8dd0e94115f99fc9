// The n-th of numbers of `pages` whose words are `step` apart. After f32.wgsl or f16.wgsl.
fn number_at(first : u32, step : u32, n : u32) -> f32 {
  return number_of(pages[first + word_for(n) * step], n);
}
