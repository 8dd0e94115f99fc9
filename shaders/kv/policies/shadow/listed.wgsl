// Keys that kv-remake.wgsl makes: of pages that are listed, each as row * kv heads + kv head.
@group(0) @binding(3) var<storage, read> keyless : array<u32>;

fn remade_at(workgroup : vec3<u32>) -> vec2<u32> {
  let page = keyless[workgroup.x];
  return vec2<u32>(page % params.kv_heads, page / params.kv_heads * PageSlots + workgroup.y * Slots);
}
