// Which splits attention-reduce.wgsl joins where the processor attends to a part of a layer's one set: as splits/picked.wgsl has them, and behind those the
// one that the processor gave.
@group(0) @binding(8) var<storage, read> picked : array<u32>; // as where/picked.wgsl has it
@group(0) @binding(9) var<storage, read> answer : array<vec4<f32>>; // (head, HeadVec4s + 1): sums, then (max, total)

const Answer = 0xffffffffu;

fn splits_of_sets(kv_head : u32) -> u32 {
  return (picked[4u * kv_head + 2u] + Span - 1u) / Span + 1u;
}

fn split_at(i : u32, fresh_splits : u32, kv_head : u32) -> u32 {
  if (i < fresh_splits) {
    return params.set_splits + i;
  }
  return select(i - fresh_splits, Answer, i + 1u == fresh_splits + splits_of_sets(kv_head));
}

// 4 numbers of a head in a split.
fn part_of(split : u32, head : u32, d : u32) -> vec4<f32> {
  if (split == Answer) {
    return answer[head * (HeadVec4s + 1u) + d];
  }
  return partials[(split * params.heads + head) * (HeadVec4s + 1u) + d];
}
