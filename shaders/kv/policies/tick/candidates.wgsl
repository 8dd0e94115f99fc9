// Slots that may leave, by their index: those of a set, then the fresh ones from `params.base` on, the oldest first.
@group(0) @binding(7) var<storage, read> lists : array<u32>; // as where/list.wgsl has them

fn set_slots(kv_head : u32) -> u32 {
  return lists[2u * (params.set_index * params.kv_heads + kv_head) + 1u];
}

fn candidates(kv_head : u32) -> u32 {
  return min(set_slots(kv_head) + params.fresh, params.most);
}
