// How a kernel that knows the size of a head reads a page of a format that packs each head by itself: 32 slots of one
// key/value head, keys as (unit, slot), so that threads that take a slot each read neighbours, then values as (slot, unit). Of
// `pages`, which the kernel binds; `page` is the first unit of one.
const Units = HeadVec4s + ScaleUnits; // of a key, or of a value

fn page_units() -> u32 {
  return 64u * Units;
}

// 4 dimensions of a key, to be multiplied by its scale.
fn key4(page : u32, d : u32, slot : u32) -> vec4<f32> {
  return unpack(pages[page + d * PageSlots + slot]);
}

fn key_scale(page : u32, slot : u32) -> f32 {
  return unpack_scale(pages[page + HeadVec4s * PageSlots + slot]);
}

fn value4(page : u32, slot : u32, d : u32) -> vec4<f32> {
  return unpack(pages[page + (PageSlots + slot) * Units + d]);
}

fn value_scale(page : u32, slot : u32) -> f32 {
  return unpack_scale(pages[page + (PageSlots + slot) * Units + HeadVec4s]);
}
