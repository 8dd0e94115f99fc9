// Keys have a pair for each channel, of all slots of a page.
const KeyPairWords = 4u * HeadVec4s;

fn key4(page : u32, d : u32, slot : u32) -> vec4<f32> {
  let at = page + KeyPairs + 4u * d;
  let a = vec4<f32>(unpack2x16float(pages[at]), unpack2x16float(pages[at + 1u]));
  let b = vec4<f32>(unpack2x16float(pages[at + 2u]), unpack2x16float(pages[at + 3u]));
  return scaled_key(vec4<f32>(a.xz, b.xz) * code4(page + slot, PageSlots, d) + vec4<f32>(a.yw, b.yw), page, d);
}
