// Which slots a row of the step sees of the fresh ones, where those are all positions: those up to its own.
fn slots_from() -> u32 {
  return 0u;
}

fn slots_seen(row : u32, kv_head : u32) -> u32 {
  return state.position + row + 1u;
}
