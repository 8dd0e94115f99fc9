// Where the page of a slot begins, if slots are positions and the buffer holds the last of them: pages as ((position / 32) % rings, kv head).
fn page_of(slot : u32, kv_head : u32) -> u32 {
  let rings = arrayLength(&pages) / (params.kv_heads * page_units());
  return (((slot / PageSlots) % rings) * params.kv_heads + kv_head) * page_units();
}

// The slot of the n-th that is read: all are, in their order.
fn slot_of(n : u32, kv_head : u32) -> u32 {
  return n;
}
