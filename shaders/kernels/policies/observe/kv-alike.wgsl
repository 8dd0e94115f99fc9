// nearest[kv head][index] = of each slot that goes (mark 0) the largest cosine of its key with that of one that stays, and the bits of that one's index; of
// equals the lower. A thread takes a slot. After a format's file, merge/slots.wgsl.
struct Params {
  kv_heads : u32,
  head_vec4s : u32, // HeadVec4s, as a bound that no compiler unrolls
  base : u32,       // position of the first fresh slot
  fresh : u32,      // fresh slots
  most : u32,       // slots of a head that there is room for by index
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(4) var<storage, read_write> nearest : array<vec2<f32>>; // (kv head, index)
@group(0) @binding(5) var<storage, read> marks : array<u32>;               // (kv head, index)

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3<u32>) {
  let kv_head = id.y;
  let slots = set_slots(kv_head) + params.fresh;
  let at = kv_head * params.most;
  if (id.x >= slots || marks[at + id.x] != 0u) {
    return;
  }
  let own = place_of(id.x, kv_head);
  var square = 0.0;
  for (var d = 0u; d < params.head_vec4s; d++) {
    let key = key_at(own, d);
    square += dot(key, key);
  }
  var most = -2.0;
  var index = 0u;
  for (var i = 0u; i < slots; i++) {
    if (marks[at + i] == 0u) {
      continue;
    }
    let other = place_of(i, kv_head);
    var product = 0.0;
    var length = 0.0;
    for (var d = 0u; d < params.head_vec4s; d++) {
      let key = key_at(other, d);
      product += dot(key, key_at(own, d));
      length += dot(key, key);
    }
    let cosine = product / max(sqrt(length) * sqrt(square), 1e-24);
    if (cosine > most) {
      most = cosine;
      index = i;
    }
  }
  nearest[at + id.x] = vec2<f32>(most, bitcast<f32>(index));
}
