// Keys that kv-remake.wgsl makes: of all heads those from the page of a slot on.
fn remade_at(workgroup : vec3<u32>) -> vec2<u32> {
  return vec2<u32>(workgroup.y, params.first / PageSlots * PageSlots + workgroup.x * Slots);
}
