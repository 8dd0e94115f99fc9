// Which slots are sealed: the fresh ones of those that kv-list.wgsl has listed, of the first set and fresh ones, behind those of the set that stay.
const Within = 0xffffffffu;

@group(0) @binding(2) var<storage, read> source : array<u32>;            // the fresh pages, as where/ring.wgsl has them
@group(0) @binding(4) var<storage, read> kept : array<u32>;              // (kv head, most)
@group(0) @binding(5) var<storage, read> kept_counts : array<vec2<u32>>; // (kv head): how many are of the set, and how many there are

fn word_of(at : u32, word : u32) -> u32 {
  return source[word];
}

fn sealed_of(kv_head : u32) -> vec2<u32> {
  return kept_counts[kv_head];
}

// Of the n-th that is listed, a fresh one.
fn listed_unit(n : u32, kv_head : u32) -> u32 {
  return ring_unit(params.base + kept[kv_head * params.most + n] - lists[list_of(kv_head) + 1u], kv_head);
}

fn source_of(slot : u32, kv_head : u32) -> u32 {
  return listed_unit(slot, kv_head);
}
