// Notes the keys of outliers (kv-outliers.wgsl) as they are, of slots from `first` on. A thread takes a slot. After a format's files, where/list.wgsl,
// shadow/known.wgsl.
struct Params {
  kv_heads : u32,
  set_index : u32,
  first : u32,
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(4) var<storage, read> pages : array<Unit>;
@group(0) @binding(5) var<storage, read_write> books : array<Unit>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3<u32>) {
  let kv_head = id.y;
  let slot = params.first + id.x;
  if (slot < First || slot >= lists[list_of(kv_head) + 1u]) {
    return;
  }
  let outlier = outlier_of(books[outlier_at(kv_head, (slot - First) / Each)]);
  if (outlier == 0u) {
    return;
  }
  for (var d = 0u; d < HeadVec4s; d++) {
    books[exact_at(kv_head, outlier - 1u, (slot - First) % Each) + d] = pack(key4(page_of(slot, kv_head), d, slot % PageSlots), 1.0);
  }
}
