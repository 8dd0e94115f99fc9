// 4 numbers of a page of f16, read as words.
fn numbers4(at : u32, unit : u32) -> vec4<f32> {
  return vec4<f32>(unpack2x16float(word_of(at, 2u * unit)), unpack2x16float(word_of(at, 2u * unit + 1u)));
}

const SourceWords = 2u;
