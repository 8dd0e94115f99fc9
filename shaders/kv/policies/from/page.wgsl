// The numbers of a slot of a format that packs each head by itself (kv/page/read.wgsl), as vec4s: `at` is its first unit, as in-order.wgsl or listed.wgsl
// tell it. A page has a whole number of 32 units, so that the slot is its rest. After f16.wgsl or f32.wgsl.
const SourceUnits = 2u * PageSlots * HeadVec4s; // of a page

fn source_key4(at : u32, d : u32) -> vec4<f32> {
  return numbers4(at, (at & Within) + d * PageSlots);
}

fn source_value4(at : u32, d : u32) -> vec4<f32> {
  let slot = at % PageSlots;
  return numbers4(at, (at & Within) - slot + (PageSlots + slot) * HeadVec4s + d);
}

// Of a slot of the ring.
fn ring_unit(position : u32, kv_head : u32) -> u32 {
  let rings = arrayLength(&source) / (params.kv_heads * SourceUnits * SourceWords);
  return (((position / PageSlots) % rings) * params.kv_heads + kv_head) * SourceUnits + position % PageSlots;
}
