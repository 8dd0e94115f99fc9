// Slots by the sum of their shares over the heads of a group, whose scores by codes of their keys kv-coded.wgsl has left in `keys` (A2ATS, arXiv 2502.12665).
// After shares.wgsl and slots.wgsl.
fn holds(kv_head : u32, local : u32) -> bool {
  return false;
}

fn prepare(kv_head : u32, local : u32, at : u32, items : u32) {
  note_shares(at, items, local);
}
