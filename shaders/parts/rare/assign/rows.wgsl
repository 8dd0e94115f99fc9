// Many rows of activations in a layer without experts: a workgroup for some of them.
@group(0) @binding(6) var<storage, read> state : State;

fn assigned_to(workgroup : vec3<u32>) -> Assigned {
  let first = workgroup.z * Tokens;
  return Assigned(0u, first, min(Tokens, max(state.rows, first) - first));
}

fn choice_at(index : u32) -> u32 {
  return index;
}
