// What items are ranked by: their scores.
fn rank_key(kv_head : u32, item : u32, at : u32, count : u32) -> u32 {
  return key_of(score(kv_head, item, at, count));
}
