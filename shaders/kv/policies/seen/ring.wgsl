// Which slots a row of the step sees of the fresh ones, which are the positions from `base` on: those up to its own.
fn slots_from() -> u32 {
  return state.base;
}

fn slots_seen(row : u32, kv_head : u32) -> u32 {
  return state.position + row + 1u;
}
