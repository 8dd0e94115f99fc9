// The choices of one row of activations: a workgroup for each.
@group(0) @binding(6) var<storage, read> chosen : array<u32>;

fn assigned_to(workgroup : vec3<u32>) -> Assigned {
  return Assigned(chosen[workgroup.y], workgroup.y, 1u);
}

fn choice_at(index : u32) -> u32 {
  return index;
}
