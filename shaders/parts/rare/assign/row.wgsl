// One row of activations in a layer without experts: what it has in place of a choice is itself.
fn assigned_to(workgroup : vec3<u32>) -> Assigned {
  return Assigned(0u, 0u, 1u);
}

fn choice_at(index : u32) -> u32 {
  return index;
}
