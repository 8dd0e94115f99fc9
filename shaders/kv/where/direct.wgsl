// Where the page of a slot begins, if the slots of all heads lie one after the other: pages as (slot / 32, kv head).
fn page_of(slot : u32, kv_head : u32) -> u32 {
  return ((slot / PageSlots) * params.kv_heads + kv_head) * page_units();
}

// The slot of the n-th that is read: all are, in their order.
fn slot_of(n : u32, kv_head : u32) -> u32 {
  return n;
}
