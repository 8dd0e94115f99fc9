// A page of directions of keys and values that two layers share, and of the first one's lengths (MiniCache, arXiv 2405.14366): keys as (word, slot), values as
// (slot, word), then as (slot) the lengths of its key and its value. After numbers/at.wgsl.
const ScaleUnits : u32 = 1u; // keys and values have scales
const Values = PageSlots * KeyWords;
const LengthsAt = Values + PageSlots * ValueWords;

fn page_units() -> u32 {
  return LengthsAt + PageSlots * (word_for(1u) + 1u);
}

fn key4(page : u32, d : u32, slot : u32) -> vec4<f32> {
  let at = page + slot;
  return vec4<f32>(
    number_at(at, PageSlots, 4u * d), number_at(at, PageSlots, 4u * d + 1u), number_at(at, PageSlots, 4u * d + 2u), number_at(at, PageSlots, 4u * d + 3u));
}

fn value4(page : u32, slot : u32, d : u32) -> vec4<f32> {
  let at = page + Values + slot * ValueWords;
  return vec4<f32>(number_at(at, 1u, 4u * d), number_at(at, 1u, 4u * d + 1u), number_at(at, 1u, 4u * d + 2u), number_at(at, 1u, 4u * d + 3u));
}
