// Which splits attention-reduce.wgsl joins where a layer picks from its one set: those of the slots that are read, and behind them those of the fresh slots.
@group(0) @binding(8) var<storage, read> picked : array<u32>; // as where/picked.wgsl has it

fn splits_of_sets(kv_head : u32) -> u32 {
  return (picked[4u * kv_head + 2u] + Span - 1u) / Span;
}

fn split_at(i : u32, fresh_splits : u32, kv_head : u32) -> u32 {
  return select(i - fresh_splits, params.set_splits + i, i < fresh_splits);
}

// 4 numbers of a head in a split.
fn part_of(split : u32, head : u32, d : u32) -> vec4<f32> {
  return partials[(split * params.heads + head) * (HeadVec4s + 1u) + d];
}
