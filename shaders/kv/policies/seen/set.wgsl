// Which slots a row of the step sees of a set, all of which are older than the step: those that a head has.
fn slots_from() -> u32 {
  return 0u;
}

fn slots_seen(row : u32, kv_head : u32) -> u32 {
  return lists[list_of(kv_head) + 1u];
}
