// Which slots are sealed: those that kv-list.wgsl has listed, behind those that the set has. By index: slots of the first set come first, which has the
// format of fresh ones.
const Older = 0x80000000u; // marks where a slot of the first set lies
const Within = 0x7fffffffu;

@group(0) @binding(2) var<storage, read> source : array<u32>; // the fresh pages, as where/ring.wgsl has them
@group(0) @binding(1) var<storage, read> older : array<u32>;  // the pages of the first set
@group(0) @binding(4) var<storage, read> kept : array<u32>;              // (kv head, most)
@group(0) @binding(5) var<storage, read> kept_counts : array<vec2<u32>>; // (kv head): how many are of the set, and how many there are

fn word_of(at : u32, word : u32) -> u32 {
  if (at >= Older) {
    return older[word];
  }
  return source[word];
}

fn sealed_of(kv_head : u32) -> vec2<u32> {
  let slots = lists[list_of(kv_head) + 1u];
  return vec2<u32>(slots, slots + kept_counts[kv_head].y);
}

// Of the n-th that is listed.
fn listed_unit(n : u32, kv_head : u32) -> u32 {
  let index = kept[kv_head * params.most + n];
  let slots = lists[2u * kv_head + 1u];
  if (index < slots) {
    return Older | (lists[lists[2u * kv_head] + index / PageSlots] * SourceUnits + index % PageSlots);
  }
  return ring_unit(params.base + index - slots, kv_head);
}

fn source_of(slot : u32, kv_head : u32) -> u32 {
  let begin = lists[list_of(kv_head) + 1u];
  return listed_unit(max(slot, begin) - begin, kv_head);
}
