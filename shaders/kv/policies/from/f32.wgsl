// 4 numbers of a page of f32, read as words.
fn numbers4(at : u32, unit : u32) -> vec4<f32> {
  return bitcast<vec4<f32>>(vec4<u32>(word_of(at, 4u * unit), word_of(at, 4u * unit + 1u), word_of(at, 4u * unit + 2u), word_of(at, 4u * unit + 3u)));
}

const SourceWords = 4u;
