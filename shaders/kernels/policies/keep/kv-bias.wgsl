// The plane of biases of a set's slots = biases[kv head] of the slots that were listed, which it has now. A thread takes a slot. After where/list.wgsl.
struct Params {
  kv_heads : u32,
  set_index : u32,
  most : u32,   // slots of a head that there is room for by index
  planes : u32, // of a slot
  plane : u32,
  only : u32,   // 1: of one slot alone
  into : u32,   // that one, by index, which stands for others wherever they were: its position becomes the first
  position : u32, // the plane that says it, if there is one
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read> kept : array<u32>;              // (kv head, most)
@group(0) @binding(4) var<storage, read> kept_counts : array<vec2<u32>>; // (kv head): how many are of the set, and how many there are
@group(0) @binding(5) var<storage, read> biases : array<f32>;            // (kv head, index)
@group(0) @binding(6) var<storage, read_write> planes : array<u32>;      // (page, plane, slot)

fn page_units() -> u32 {
  return PageSlots * params.planes;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3<u32>) {
  let kv_head = id.y;
  if (id.x >= kept_counts[kv_head].y) {
    return;
  }
  let index = kept[kv_head * params.most + id.x];
  if (params.only == 1u && index != params.into) {
    return;
  }
  let bias = biases[kv_head * params.most + index];
  let at = page_of(id.x, kv_head) + id.x % PageSlots;
  planes[at + params.plane * PageSlots] = bitcast<u32>(bias);
  if (params.only == 1u && bias > 0.0 && params.position < params.planes) {
    planes[at + params.position * PageSlots] = 0u;
  }
}
