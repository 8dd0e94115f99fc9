// The choices of many rows of activations, ordered by expert: a workgroup for some of each expert's.
@group(0) @binding(6) var<storage, read> order : array<u32>;
@group(0) @binding(7) var<storage, read> starts : array<u32>;

fn assigned_to(workgroup : vec3<u32>) -> Assigned {
  let first = starts[workgroup.y] + workgroup.z * Tokens;
  let end = starts[workgroup.y + 1u];
  return Assigned(workgroup.y, first, select(0u, min(Tokens, end - first), first < end));
}

fn choice_at(index : u32) -> u32 {
  return order[index];
}
