// scores[kv head][index] = the cosine of a slot's key with that of the next one, of slots from `first` on but for the last of all; -2 of others. A thread
// takes a slot. After a format's file, merge/slots.wgsl.
struct Params {
  kv_heads : u32,
  head_vec4s : u32,
  base : u32,  // position of the first fresh slot
  fresh : u32, // fresh slots that take part
  most : u32,  // slots of a head that there is room for by index
  first : u32,
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read_write> scores : array<f32>; // (kv head, index)

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3<u32>) {
  let kv_head = id.y;
  let slots = set_slots(kv_head) + params.fresh;
  if (id.x >= slots) {
    return;
  }
  var sums = vec3<f32>();
  if (id.x >= params.first && id.x + 1u < slots) {
    let own = place_of(id.x, kv_head);
    let next = place_of(id.x + 1u, kv_head);
    for (var d = 0u; d < params.head_vec4s; d++) {
      let a = key_at(own, d);
      let b = key_at(next, d);
      sums += vec3<f32>(dot(a, b), dot(a, a), dot(b, b));
    }
  }
  scores[kv_head * params.most + id.x] = select(-2.0, sums.x / (sqrt(sums.y) * sqrt(sums.z)), sums.y * sums.z > 0.0);
}
