// What is known of a set's slots by clusters of their keys (Squeezed Attention, arXiv 2411.09688): of each a centroid and how many slots it has. There is
// one for `Each` slots behind the first `First`, `MostClusters` at most, so that making them takes time by the slots and not by their square; they lie by
// page, so many of a page's slots. After a format's file.
const CentroidUnits = HeadVec4s + 1u;

fn clusters_of(count : u32) -> u32 {
  return select(clamp(count / Each, 1u, MostClusters), 0u, count == 0u);
}

// The first unit of a cluster, `list` where the head's list of pages begins.
fn centroid_at(list : u32, cluster : u32) -> u32 {
  return (lists[list + cluster * Each / PageSlots] * (PageSlots / Each) + cluster % (PageSlots / Each)) * CentroidUnits;
}

// Numbers of slots, exact in f16 too.
fn packed_size(size : u32) -> Unit {
  return pack(vec4<f32>(f32(size % 256u), f32(size / 256u), 0.0, 0.0), 1.0);
}

fn size_at(centroid : u32) -> u32 {
  let parts = unpack(summaries[centroid + HeadVec4s]);
  return u32(parts.x) + 256u * u32(parts.y);
}
