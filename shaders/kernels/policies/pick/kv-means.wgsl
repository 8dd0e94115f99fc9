// The centroid of each cluster: at first a key; then the mean of its slots' keys of length 1, as it was where there is none; at last the mean of
// the keys as they are, and how many there are. A thread takes 4 dimensions of a cluster. After a format's files, where/list.wgsl, pick/clusters.wgsl.
struct Params {
  kv_heads : u32,
  head_vec4s : u32,
  set_index : u32,
  stage : u32, // 0: at first, 1: then, 2: at last
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read> planes : array<u32>; // as kv-nearest.wgsl leaves them
@group(0) @binding(4) var<storage, read> pages : array<Unit>;
@group(0) @binding(5) var<storage, read_write> summaries : array<Unit>;

// Of a slot, what makes its key one of length 1.
fn unit_of(page : u32, slot : u32) -> f32 {
  var square = 0.0;
  for (var d = 0u; d < params.head_vec4s; d++) {
    let key = key4(page, d, slot);
    square += dot(key, key);
  }
  return 1.0 / max(sqrt(square), 1e-12);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3<u32>) {
  let kv_head = id.y;
  let slots = lists[list_of(kv_head) + 1u];
  let count = slots - min(First, slots);
  let cluster = id.x / HeadVec4s;
  let d = id.x % HeadVec4s;
  let clusters = clusters_of(count);
  if (cluster >= clusters) {
    return;
  }
  let at = centroid_at(lists[list_of(kv_head)], cluster);
  if (params.stage == 0u) {
    let slot = First + cluster * count / clusters;
    let page = page_of(slot, kv_head);
    summaries[at + d] = pack(key4(page, d, slot % PageSlots) * unit_of(page, slot % PageSlots), 1.0);
    return;
  }
  var sum = vec4<f32>();
  var size = 0u;
  for (var slot = First; slot < slots; slot++) {
    let page = page_of(slot, kv_head);
    if (planes[page / page_units() * PageSlots + slot % PageSlots] == cluster) {
      size++;
      var scale = 1.0;
      if (params.stage == 1u) {
        scale = unit_of(page, slot % PageSlots);
      }
      sum += key4(page, d, slot % PageSlots) * scale;
    }
  }
  if (size > 0u || params.stage == 2u) {
    summaries[at + d] = pack(sum / f32(max(size, 1u)), 1.0);
  }
  if (params.stage == 2u && d == 0u) {
    summaries[at + HeadVec4s] = packed_size(size);
  }
}
