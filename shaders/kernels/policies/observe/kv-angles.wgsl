// How far apart two layers' keys of a fresh slot are, or their values, by the one that is further: a score that is larger for a larger angle, by index; that of
// slots of the set is above all of them. After from/pair.wgsl and tick/candidates.wgsl.
struct Params {
  kv_heads : u32,
  head_dim : u32,
  set_index : u32,
  fresh : u32, // fresh slots that take part
  base : u32,  // position of the first fresh slot
  most : u32,  // slots of a head that there is room for
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read_write> scores : array<f32>; // (kv head, index)

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3<u32>) {
  let kv_head = id.y;
  let i = id.x;
  let slots = set_slots(kv_head);
  if (i >= candidates(kv_head)) {
    return;
  }
  if (i < slots) {
    scores[kv_head * params.most + i] = 4.0;
    return;
  }
  let at = ring_unit(params.base + i - slots, kv_head);
  var keys = vec3<f32>(); // a * b, a * a, b * b
  var values = vec3<f32>();
  for (var d = 0u; 4u * d < params.head_dim; d++) {
    let ka = source_key4(at, d);
    let kb = source_key4(at | Other, d);
    let va = source_value4(at, d);
    let vb = source_value4(at | Other, d);
    keys += vec3<f32>(dot(ka, kb), dot(ka, ka), dot(kb, kb));
    values += vec3<f32>(dot(va, vb), dot(va, va), dot(vb, vb));
  }
  let cosines = vec2<f32>(keys.x, values.x) / max(sqrt(vec2<f32>(keys.y, values.y)) * sqrt(vec2<f32>(keys.z, values.z)), vec2<f32>(1e-30));
  scores[kv_head * params.most + i] = -min(cosines.x, cosines.y);
}
