// The slots of a set, which are older than every query. After where/list.wgsl.
fn slots_of(kv_head : u32) -> u32 {
  return lists[list_of(kv_head) + 1u];
}

fn slot_at(n : u32) -> u32 {
  return n;
}

fn sees(position : u32, n : u32) -> bool {
  return true;
}

fn index_of(n : u32, kv_head : u32) -> u32 {
  return n;
}

fn is_new(n : u32) -> bool {
  return false;
}
