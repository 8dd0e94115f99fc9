// Where the page of a slot of a set begins: each head has a list of the pages that it has there, and may have other slots than the next.
@group(0) @binding(7) var<storage, read> lists : array<u32>; // (set, kv head): first of its list, slots; then the lists, of pages

fn list_of(kv_head : u32) -> u32 {
  return 2u * (params.set_index * params.kv_heads + kv_head);
}

fn page_of(slot : u32, kv_head : u32) -> u32 {
  return lists[lists[list_of(kv_head)] + slot / PageSlots] * page_units();
}

// The slot of the n-th that is read: all are, in their order.
fn slot_of(n : u32, kv_head : u32) -> u32 {
  return n;
}
