// Numbers of narrow pages (read.wgsl) in f32.
alias Unit = u32;
const KeyWords = KeyChannels; // of a slot's key
const ValueWords = 4u * HeadVec4s;

// The n-th of numbers whose words are `step` apart.
fn number_at(first : u32, step : u32, n : u32) -> f32 {
  return bitcast<f32>(pages[first + n * step]);
}
