// Which splits attention-reduce.wgsl joins where there are no sets: those of the fresh slots.
fn splits_of_sets(kv_head : u32) -> u32 {
  return 0u;
}

fn split_at(i : u32, fresh_splits : u32, kv_head : u32) -> u32 {
  return i;
}
