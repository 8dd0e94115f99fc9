// How kv-pack.wgsl puts slots into such a page. After numbers/put-f32.wgsl or put-f16.wgsl.
var<private> table : u32;

fn begin_page(page : u32, kv_head : u32, is_first : bool) {
  table = lists[list_of(kv_head)] - 4u * HeadVec4s;
  if (is_first) {
    pages[page + TableAt] = table;
  }
}

fn put_key(page : u32, slot : u32, d : u32, value : vec4<f32>, scale : f32) {
  for (var i = 0u; i < 4u; i++) {
    let place = lists[table + 4u * d + i];
    if (place < KeyChannels) {
      put_number(page + slot, PageSlots, place, value[i]);
    }
  }
}

fn put_value(page : u32, slot : u32, d : u32, value : vec4<f32>, scale : f32) {
  for (var i = 0u; i < 4u; i++) {
    put_number(page + Values + slot * ValueWords, 1u, 4u * d + i, value[i]);
  }
}
