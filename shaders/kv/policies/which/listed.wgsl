// Which slots are moved: those that kv-list.wgsl has listed. By index, which is the place among all slots of a head, those of the set first.
@group(0) @binding(3) var<storage, read> kept : array<u32>;              // (kv head, most)
@group(0) @binding(4) var<storage, read> kept_counts : array<vec2<u32>>; // (kv head): how many are of the set, and how many there are

fn kept_of(head : u32) -> vec2<u32> {
  return kept_counts[head];
}

fn kept_at(head : u32, n : u32) -> u32 {
  return kept[head * params.most + n];
}
