// How a kernel of attention reads such a page: nothing is left to be scaled.
const ScaleUnits : u32 = 0u;

fn key_scale(page : u32, slot : u32) -> f32 {
  return 1.0;
}

fn value4(page : u32, slot : u32, d : u32) -> vec4<f32> {
  let pair = unpack2x16float(pages[page + ValuePairs + slot * ValueGroups + 4u * d / ValueChannels]);
  return scaled_value(pair.x * code4(page + ValueCodes + slot * CodeWords, 1u, d) + pair.y, page, d);
}

fn value_scale(page : u32, slot : u32) -> f32 {
  return 1.0;
}
