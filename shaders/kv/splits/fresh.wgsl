// Which splits attention-reduce.wgsl joins where there are no sets: those of the fresh slots.
fn splits_of_sets(kv_head : u32) -> u32 {
  return 0u;
}

fn split_at(i : u32, fresh_splits : u32, kv_head : u32) -> u32 {
  return i;
}

// 4 numbers of a head in a split.
fn part_of(split : u32, head : u32, d : u32) -> vec4<f32> {
  return partials[(split * params.heads + head) * (HeadVec4s + 1u) + d];
}
