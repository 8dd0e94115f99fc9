// scores[kv head][index] = a hash of a slot's position, its layer and its head. A thread takes a slot. After tick/candidates.wgsl.
struct Params {
  kv_heads : u32,
  set_index : u32,
  fresh : u32,  // fresh slots that take part
  most : u32,   // slots of a head that there is room for
  base : u32,   // position of the first fresh slot
  layer : u32,
  planes : u32, // of a slot
  plane : u32,  // the one with its position
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read_write> scores : array<u32>; // (kv head, index)
@group(0) @binding(6) var<storage, read> planes : array<u32>;       // of the set, (page, plane, slot)

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3<u32>) {
  let index = id.x;
  let kv_head = id.y;
  if (index >= candidates(kv_head)) {
    return;
  }
  let slots = set_slots(kv_head);
  var position = params.base + index - slots;
  if (index < slots) {
    position = planes[(lists[lists[2u * kv_head] + index / PageSlots] * params.planes + params.plane) * PageSlots + index % PageSlots];
  }
  var hash = position * 2654435761u + params.layer * 40503u + kv_head * 9973u;
  hash = (hash ^ (hash >> 16u)) * 0x45d9f3bu;
  scores[kv_head * params.most + index] = (hash ^ (hash >> 16u)) & 0xffffffu;
}
