// Which splits attention-reduce.wgsl joins where a layer has sets: those of each set that this head has slots in, which begin at
// multiples of `set_splits`, and behind all of them those of the fresh slots.
@group(0) @binding(7) var<storage, read> lists : array<u32>; // as where/list.wgsl has them

fn splits_of(index : u32, kv_head : u32) -> u32 {
  return (lists[2u * (index * params.kv_heads + kv_head) + 1u] + Span - 1u) / Span;
}

fn splits_of_sets(kv_head : u32) -> u32 {
  var splits = 0u;
  for (var index = 0u; index < params.sets; index++) {
    splits += splits_of(index, kv_head);
  }
  return splits;
}

fn split_at(i : u32, fresh_splits : u32, kv_head : u32) -> u32 {
  if (i < fresh_splits) {
    return params.sets * params.set_splits + i;
  }
  var rest = i - fresh_splits;
  var index = 0u;
  for (var own = splits_of(0u, kv_head); rest >= own && index + 1u < params.sets; own = splits_of(index, kv_head)) {
    rest -= own;
    index++;
  }
  return index * params.set_splits + rest;
}

// 4 numbers of a head in a split.
fn part_of(split : u32, head : u32, d : u32) -> vec4<f32> {
  return partials[(split * params.heads + head) * (HeadVec4s + 1u) + d];
}
