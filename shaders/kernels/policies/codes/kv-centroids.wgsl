// The centroids of a head's parts: at first keys, evenly taken; then the means of the parts of keys that have their code, as they were where there are none. A
// thread takes 4 numbers of a centroid. After a format's files, where/list.wgsl, pick/turned.wgsl, pick/books.wgsl.
struct Params {
  kv_heads : u32,
  set_index : u32,
  stage : u32, // 0: at first, 1: then
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(4) var<storage, read> pages : array<Unit>;
@group(0) @binding(5) var<storage, read> summaries : array<u32>; // as kv-codes.wgsl leaves them
@group(0) @binding(6) var<storage, read_write> books : array<f32>;

// Of a key before positions turned it.
fn unturned(kv_head : u32, slot : u32, d : u32) -> vec4<f32> {
  let page = page_of(slot, kv_head);
  return turned4(key4(page, d, slot % PageSlots), key4(page, partner(d), slot % PageSlots), d, slot, -1.0);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3<u32>) {
  let kv_head = id.y;
  let centroid = id.x / HeadVec4s;
  let d = id.x % HeadVec4s;
  let slots = lists[list_of(kv_head) + 1u];
  let count = slots - min(First, slots);
  if (centroid >= Centroids || count == 0u) {
    return;
  }
  var mean = vec4<f32>();
  if (params.stage == 0u) {
    mean = unturned(kv_head, First + centroid * count / Centroids, d);
  } else {
    let part = 4u * d / Width;
    var size = 0u;
    for (var slot = First; slot < slots; slot++) {
      let word = summaries[code_at(page_of(slot, kv_head) / page_units(), slot % PageSlots) + part / 8u];
      if (code_of(word, part) == centroid) {
        size++;
        mean += unturned(kv_head, slot, d);
      }
    }
    if (size == 0u) {
      return;
    }
    mean /= f32(size);
  }
  for (var i = 0u; i < 4u; i++) {
    books[centroid_at(kv_head, centroid) + 4u * d + i] = mean[i];
  }
}
