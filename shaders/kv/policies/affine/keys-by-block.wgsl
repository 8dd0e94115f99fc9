// Keys have a scale for each slot and block of channels (blocks.wgsl), f16, two to a word, as (word, slot), and no minimum: a code is `Middle` more than what
// it stands for.
const Blocks = (4u * HeadVec4s + 15u) / 16u;
const KeyPairWords = PageSlots * ((Blocks + 1u) / 2u);
const Middle = (1u << (Bits - 1u)) - 1u;

fn key_scales(page : u32, d : u32, slot : u32) -> vec4<f32> {
  let blocks = blocks_of(page, d);
  var scales : vec4<f32>;
  for (var i = 0u; i < 4u; i++) {
    scales[i] = unpack2x16float(pages[page + KeyPairs + (blocks[i] / 2u) * PageSlots + slot])[blocks[i] % 2u];
  }
  return scales;
}

fn key4(page : u32, d : u32, slot : u32) -> vec4<f32> {
  return key_scales(page, d, slot) * (code4(page + slot, PageSlots, d) - f32(Middle));
}
