// Which slots a row of the step sees of a set that is picked from: as many as are read (where/picked.wgsl).
fn slots_from() -> u32 {
  return 0u;
}

fn slots_seen(row : u32, kv_head : u32) -> u32 {
  return picked[4u * kv_head + 2u];
}
