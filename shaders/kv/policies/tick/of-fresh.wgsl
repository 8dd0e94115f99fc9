// The slots of a layer's fresh segment: positions from `params.base` to `params.length`. After where/ring.wgsl.
@group(0) @binding(7) var<storage, read> lists : array<u32>; // as where/list.wgsl has them

fn slots_of(kv_head : u32) -> u32 {
  return params.length - params.base;
}

fn slot_at(n : u32) -> u32 {
  return params.base + n;
}

fn sees(position : u32, n : u32) -> bool {
  return params.base + n <= position;
}

// Among all slots of its head: those of the set come first.
fn index_of(n : u32, kv_head : u32) -> u32 {
  return lists[2u * (params.set_index * params.kv_heads + kv_head) + 1u] + n;
}

// What its planes hold is another one's, as it came after the tick before.
fn is_new(n : u32) -> bool {
  return params.base + n >= params.since;
}
