// How a kernel that reads pages (read.wgsl) writes them too, a thread its 4 dimensions of a head; the first thread of a head writes its scale.
fn put_key(page : u32, slot : u32, d : u32, value : vec4<f32>, scale : f32) {
  pages[page + d * PageSlots + slot] = pack(value, scale);
  if (ScaleUnits > 0u && d == 0u) {
    pages[page + HeadVec4s * PageSlots + slot] = pack_scale(scale);
  }
}

fn put_value(page : u32, slot : u32, d : u32, value : vec4<f32>, scale : f32) {
  let at = page + (PageSlots + slot) * Units;
  pages[at + d] = pack(value, scale);
  if (ScaleUnits > 0u && d == 0u) {
    pages[at + HeadVec4s] = pack_scale(scale);
  }
}
