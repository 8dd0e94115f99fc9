// Puts what number_at reads.
fn put_number(first : u32, step : u32, n : u32, x : f32) {
  pages[first + n * step] = bitcast<u32>(x);
}
