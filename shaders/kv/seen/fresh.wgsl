// How many slots a row of the step sees of the fresh segment, whose slots are positions from `base` on: those up to its own.
fn slots_seen(row : u32, kv_head : u32) -> u32 {
  return state.position - state.base + row + 1u;
}
