// Numbers of pages of words in f16, two to a word.
alias Unit = u32;
const KeyWords = (KeyChannels + 1u) / 2u; // of a slot's key
const ValueWords = 2u * HeadVec4s;

// Which of a row's words has its n-th number.
fn word_for(n : u32) -> u32 {
  return n / 2u;
}

fn number_of(word : u32, n : u32) -> f32 {
  return unpack2x16float(word)[n % 2u];
}
