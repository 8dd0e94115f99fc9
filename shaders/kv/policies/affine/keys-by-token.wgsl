// Keys have a pair for each slot and group of channels, as (group, slot).
const KeyPairWords = PageSlots * Groups;

fn key4(page : u32, d : u32, slot : u32) -> vec4<f32> {
  let pair = unpack2x16float(pages[page + KeyPairs + (d / 8u) * PageSlots + slot]);
  return scaled_key(pair.x * code4(page + slot, PageSlots, d) + pair.y, page, d);
}
