// How a thread writes its 4 dimensions of a head into a page as read.wgsl has them; the first thread of a head writes its scale
// too. Heads are of any size, `params.head_vec4s`.
fn page_units() -> u32 {
  return 64u * (params.head_vec4s + ScaleUnits);
}

fn put_key(page : u32, slot : u32, d : u32, value : vec4<f32>, scale : f32) {
  pages[page + d * PageSlots + slot] = pack(value, scale);
  if (ScaleUnits > 0u && d == 0u) {
    pages[page + params.head_vec4s * PageSlots + slot] = pack_scale(scale);
  }
}

fn put_value(page : u32, slot : u32, d : u32, value : vec4<f32>, scale : f32) {
  let at = page + (PageSlots + slot) * (params.head_vec4s + ScaleUnits);
  pages[at + d] = pack(value, scale);
  if (ScaleUnits > 0u && d == 0u) {
    pages[at + params.head_vec4s] = pack_scale(scale);
  }
}
