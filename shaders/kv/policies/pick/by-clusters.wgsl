// Clusters by what their slots together would be paid if each had the centroid for its key, of the head of the group that pays most; whole clusters are
// read. After clusters.wgsl, shares.wgsl.
@group(0) @binding(4) var<storage, read> summaries : array<Unit>; // as kv-means.wgsl leaves them
@group(0) @binding(6) var<storage, read> planes : array<u32>;     // (page, plane, slot): which cluster, the only plane

fn holds(kv_head : u32, local : u32) -> bool {
  return false;
}

fn items_of(count : u32) -> u32 {
  return clusters_of(count);
}

fn prepare(kv_head : u32, local : u32, at : u32, items : u32) {
  for (var c = local; c < items; c += Threads) {
    let centroid = centroid_at(lists[2u * kv_head], c);
    let size = size_at(centroid);
    for (var h = 0u; h < Group; h++) {
      var score = 0.0;
      for (var d = 0u; d < params.head_vec4s; d++) {
        score += dot(query[query_at(kv_head * Group + h) + d], unpack(summaries[centroid + d]));
      }
      keys[at + h * params.room + c] = bitcast<u32>(select(score * params.scale + log(f32(max(size, 1u))), -1e30, size == 0u));
    }
  }
  note_shares(at, items, local);
}

fn weight(kv_head : u32, item : u32) -> u32 {
  return size_at(centroid_at(lists[2u * kv_head], item));
}

// The cluster of a slot.
fn item_of(kv_head : u32, run : u32) -> u32 {
  let slot = First + run;
  return planes[lists[lists[2u * kv_head] + slot / PageSlots] * PageSlots + slot % PageSlots];
}

fn score(kv_head : u32, item : u32, at : u32, count : u32) -> f32 {
  var most = 0.0;
  for (var row = 0u; row < Rows; row++) {
    most = max(most, share(at, row, item));
  }
  return most;
}
