// 4 numbers of a page of f32, read as words.
fn source4(unit : u32) -> vec4<f32> {
  return vec4<f32>(
    bitcast<f32>(source[4u * unit]), bitcast<f32>(source[4u * unit + 1u]), bitcast<f32>(source[4u * unit + 2u]), bitcast<f32>(source[4u * unit + 3u]));
}

const SourceWords = 4u;
