// The fresh slots that are kept go behind those of a set, as they are: of both the words of a slot are the same. A thread takes a word. After words.wgsl
// or words-of-planes.wgsl, where/list.wgsl, which/listed.wgsl or all.wgsl.
struct Params {
  kv_heads : u32,
  set_index : u32,
  most : u32,
  fresh : u32,      // fresh slots that take part
  slot_words : u32, // u32 of a slot
  unit_words : u32,
  base : u32,       // position of the first fresh slot
  rings : u32,      // pages of a head that there are fresh slots in (kv/where/ring.wgsl)
  position : u32,   // the word that becomes the slot's position, if there is one
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(5) var<storage, read_write> pages : array<u32>;
@group(0) @binding(6) var<storage, read> fresh : array<u32>;

@compute @workgroup_size(32, 8)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_id) local : vec3<u32>) {
  let head = workgroup.y;
  let counts = kept_of(head);
  let n = counts.x + workgroup.x * 32u + local.x;
  let word = workgroup.z * 8u + local.y;
  if (n >= counts.y || word >= params.slot_words) {
    return;
  }
  let position = params.base + kept_at(head, n) - lists[list_of(head) + 1u];
  let from_page = (((position / PageSlots) % params.rings) * params.kv_heads + head) * page_units();
  pages[word_at(page_of(n, head), n, word)] = select(fresh[word_at(from_page, position, word)], position, word == params.position);
}
