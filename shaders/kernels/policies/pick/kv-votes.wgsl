// keys[head][slot - First] = query . key * scale, of all slots of a set that a row chooses from. A thread takes a slot. After a format's files, where/list.wgsl.
struct Params {
  heads : u32,
  kv_heads : u32,
  head_vec4s : u32,
  set_index : u32,
  room : u32, // slots that there is room for of each head
  scale : f32,
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> state : State;
@group(0) @binding(3) var<storage, read> query : array<vec4<f32>>; // (token, head, HeadVec4s)
@group(0) @binding(4) var<storage, read> pages : array<Unit>;
@group(0) @binding(5) var<storage, read_write> keys : array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3<u32>) {
  let kv_head = id.y;
  let slot = First + id.x;
  if (slot >= lists[list_of(kv_head) + 1u]) {
    return;
  }
  let page = page_of(slot, kv_head);
  let first = state.first * params.heads + kv_head * Group;
  var scores = array<f32, Group>();
  for (var d = 0u; d < params.head_vec4s; d++) {
    let key = key4(page, d, slot % PageSlots);
    for (var h = 0u; h < Group; h++) {
      scores[h] += dot(query[(first + h) * HeadVec4s + d], key);
    }
  }
  for (var h = 0u; h < Group; h++) {
    keys[(kv_head * Group + h) * params.room + id.x] = scores[h] * params.scale;
  }
}
