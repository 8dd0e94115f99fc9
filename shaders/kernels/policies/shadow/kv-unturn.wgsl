// Keys of a set as they are before positions turn them, `slots` of all heads from slot `first` on: unturned[slot - first] = RowVec4s vec4s. A thread takes 4
// numbers. After a format's files, where/list.wgsl, levels/turn.wgsl, pick/turned.wgsl.
struct Params {
  kv_heads : u32,
  set_index : u32,
  first : u32,
  slots : u32,
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(4) var<storage, read> pages : array<Unit>;
@group(0) @binding(5) var<storage, read_write> unturned : array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3<u32>) {
  let at = id.x;
  let u = at % RowVec4s;
  let slot = params.first + at / RowVec4s;
  if (slot >= params.first + params.slots) {
    return;
  }
  let page = page_of(slot, u / HeadVec4s);
  let d = u % HeadVec4s;
  unturned[at] = turned4(key4(page, d, slot % PageSlots), key4(page, partner(d), slot % PageSlots), d, slot, -1.0);
}
