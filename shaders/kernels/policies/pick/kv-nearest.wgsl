// The cluster of each slot behind the first: that whose centroid is nearest to its key of length 1; of equals the lower. A thread takes a slot. After a
// format's files, where/list.wgsl, pick/clusters.wgsl.
struct Params {
  kv_heads : u32,
  head_vec4s : u32,
  set_index : u32,
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read_write> planes : array<u32>; // (page, plane, slot): which cluster, the only plane
@group(0) @binding(4) var<storage, read> pages : array<Unit>;
@group(0) @binding(5) var<storage, read> summaries : array<Unit>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3<u32>) {
  let kv_head = id.y;
  let slots = lists[list_of(kv_head) + 1u];
  let slot = First + id.x;
  if (slot >= slots) {
    return;
  }
  let page = page_of(slot, kv_head);
  var square = 0.0;
  for (var d = 0u; d < params.head_vec4s; d++) {
    let key = key4(page, d, slot % PageSlots);
    square += dot(key, key);
  }
  let unit = 1.0 / max(sqrt(square), 1e-12);
  var nearest = 0u;
  var least = 3.4e38;
  for (var c = 0u; c < clusters_of(slots - First); c++) {
    let centroid = centroid_at(lists[list_of(kv_head)], c);
    var product = 0.0;
    var own = 0.0;
    for (var d = 0u; d < params.head_vec4s; d++) {
      let mean = unpack(summaries[centroid + d]);
      product += dot(mean, key4(page, d, slot % PageSlots));
      own += dot(mean, mean);
    }
    let distance = own - 2.0 * unit * product;
    if (distance < least) {
      least = distance;
      nearest = c;
    }
  }
  planes[page / page_units() * PageSlots + slot % PageSlots] = nearest;
}
