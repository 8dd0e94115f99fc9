// Which slots are sealed: the positions from `params.first` to `params.end`, of a set whose slots are all positions. Of a head that has fewer slots in the
// set those beyond are left.
const Within = 0xffffffffu;

@group(0) @binding(2) var<storage, read> source : array<u32>; // the fresh pages, as where/ring.wgsl has them

fn word_of(at : u32, word : u32) -> u32 {
  return source[word];
}

// Slots of the set that are written.
fn sealed_of(kv_head : u32) -> vec2<u32> {
  return vec2<u32>(params.first, min(params.end, lists[list_of(kv_head) + 1u]));
}

fn source_of(slot : u32, kv_head : u32) -> u32 {
  return ring_unit(slot, kv_head);
}
