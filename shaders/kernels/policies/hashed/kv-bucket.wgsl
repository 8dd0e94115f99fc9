// The bucket of each new slot of a set, by its key (hashed/planes.wgsl). A thread takes a slot. After a format's files and where/list.wgsl.
struct Params {
  kv_heads : u32,
  head_vec4s : u32, // HeadVec4s, as a bound that no compiler unrolls
  set_index : u32,
  layer : u32,
  before : u32,     // slots of a head that have one
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read_write> planes : array<u32>; // (page, plane, slot): which bucket, the only plane
@group(0) @binding(4) var<storage, read> pages : array<Unit>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3<u32>) {
  let kv_head = id.y;
  let slot = params.before + id.x;
  if (slot >= lists[list_of(kv_head) + 1u]) {
    return;
  }
  let page = page_of(slot, kv_head);
  var code = 0u;
  for (var plane = 0u; plane < Planes; plane++) {
    let seed = seed_of(kv_head, plane);
    var product = 0.0;
    for (var d = 0u; d < params.head_vec4s; d++) {
      product += dot(key4(page, d, slot % PageSlots), signs4(seed, d));
    }
    code |= select(0u, 1u << plane, product > 0.0);
  }
  planes[page / page_units() * PageSlots + slot % PageSlots] = bucket_of(code);
}
