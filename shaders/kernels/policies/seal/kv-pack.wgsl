// Seals slots in a format that packs each slot of a head by itself, as from/ tells which. A workgroup takes a page of a head, a thread a slot. After what
// puts keys and values.
struct Params {
  kv_heads : u32,
  head_dim : u32,
  set_index : u32,
  first : u32, // in order: positions
  end : u32,
  base : u32,  // listed: position of the first fresh slot
  most : u32,  // and slots of a head that there is room for in the list
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read_write> pages : array<Unit>;

fn largest_of(x : vec4<f32>) -> f32 {
  let sizes = abs(x);
  return max(max(sizes.x, sizes.y), max(sizes.z, sizes.w));
}

@compute @workgroup_size(PageSlots)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let kv_head = workgroup.y;
  let all = sealed_of(kv_head);
  let first = (all.x / PageSlots + workgroup.x) * PageSlots;
  let own = first + local;
  if (own < all.x || own >= all.y) {
    return;
  }
  let page = page_of(first, kv_head);
  begin_page(page, kv_head, own == max(all.x, first));
  let at = source_of(own, kv_head);
  var key_size = 0.0;
  var value_size = 0.0;
  for (var d = 0u; 4u * d < params.head_dim; d++) {
    key_size = max(key_size, largest_of(source_key4(at, d)));
    value_size = max(value_size, largest_of(source_value4(at, d)));
  }
  for (var d = 0u; 4u * d < params.head_dim; d++) {
    put_key(page, local, d, source_key4(at, d), key_size);
    put_value(page, local, d, source_value4(at, d), value_size);
  }
}
