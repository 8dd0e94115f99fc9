// Numbers of narrow pages (read.wgsl) in f16, two to a word.
alias Unit = u32;
const KeyWords = (KeyChannels + 1u) / 2u; // of a slot's key
const ValueWords = 2u * HeadVec4s;

// The n-th of numbers whose words are `step` apart.
fn number_at(first : u32, step : u32, n : u32) -> f32 {
  return unpack2x16float(pages[first + (n / 2u) * step])[n % 2u];
}
