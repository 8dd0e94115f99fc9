// Slots by the sum of their shares over the heads of a group, whose scores by codes of their keys kv-coded.wgsl has left in `keys` (A2ATS, arXiv 2502.12665).
// After shares.wgsl.
fn holds(kv_head : u32, local : u32) -> bool {
  return false;
}

fn items_of(count : u32) -> u32 {
  return count;
}

fn prepare(kv_head : u32, local : u32, at : u32, items : u32) {
  note_shares(at, items, local);
}

fn weight(kv_head : u32, item : u32) -> u32 {
  return 1u;
}

fn item_of(kv_head : u32, run : u32) -> u32 {
  return run;
}

fn score(kv_head : u32, item : u32, at : u32, count : u32) -> f32 {
  var sum = 0.0;
  for (var row = 0u; row < Rows; row++) {
    sum += share(at, row, item);
  }
  return sum;
}
