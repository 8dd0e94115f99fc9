// Numbers of pages of words in f32.
alias Unit = u32;
const KeyWords = KeyChannels; // of a slot's key
const ValueWords = 4u * HeadVec4s;

// Which of a row's words has its n-th number.
fn word_for(n : u32) -> u32 {
  return n;
}

fn number_of(word : u32, n : u32) -> f32 {
  return bitcast<f32>(word);
}
