// The slots of a set that are kept become its first ones, in their order. In place: they are no lower than where they go to, so 32 of
// them are read before any is written. A workgroup takes 8 words of the slots of a head. After words.wgsl or words-of-planes.wgsl, where/list.wgsl.
struct Params {
  kv_heads : u32,
  set_index : u32,
  most : u32,
  slot_words : u32, // u32 of a slot
  unit_words : u32,
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read> kept : array<u32>;              // (kv head, most)
@group(0) @binding(4) var<storage, read> kept_counts : array<vec2<u32>>; // (kv head)
@group(0) @binding(5) var<storage, read_write> pages : array<u32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let head = workgroup.x;
  let word = workgroup.y * 8u + local / 32u;
  let count = kept_counts[head].x;
  for (var start = 0u; start < count; start += 32u) {
    let n = start + local % 32u;
    let is_mine = n < count && word < params.slot_words;
    var value = 0u;
    if (is_mine) {
      let slot = kept[head * params.most + n];
      value = pages[word_at(page_of(slot, head), slot, word)];
    }
    storageBarrier();
    workgroupBarrier();
    if (is_mine) {
      pages[word_at(page_of(n, head), n, word)] = value;
    }
  }
}
