// Numbers of a slot, each as a share of its range, are written as they are, what is out as 2.
@group(0) @binding(5) var<storage, read_write> shares : array<f32>; // from `first_share` on (keys or values, kv head, slot, head_dim)

fn put_share(is_value : u32, kv_head : u32, slot : u32, c : u32, share : f32) {
  if (c < params.head_dim) {
    shares[params.first_share + ((is_value * params.kv_heads + kv_head) * PageSlots + slot) * params.head_dim + c] = share;
  }
}

fn put_slot(page : u32, kv_head : u32, slot : u32, at : u32, position : u32) {
  for (var c = 0u; c < params.head_dim; c++) {
    let d = c / 4u;
    var key = key_share(page, slot, at, position, d)[c % 4u];
    var value = value_share(page, slot, at, d)[c % 4u];
    for (var o = 0u; o < KeyOutliers; o++) {
      key = select(key, 2.0, (pages[page + KeyOut + c * KeyOutliers + o] & 0xffffu) == slot);
    }
    for (var o = 0u; o < ValueOutliers; o++) {
      value = select(value, 2.0, (pages[page + ValueOut + slot * ValueOutliers + o] & 0xffffu) == c);
    }
    put_share(0u, kv_head, slot, c, key);
    put_share(1u, kv_head, slot, c, value);
  }
}
