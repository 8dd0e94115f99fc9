// Slots by their index, to be read and to be written: those of the first set, then the fresh ones from `params.base` on. How many tokens one stands for: a
// plane of the set says it (its ln), of fresh ones it is one. After a format's file.
const Units = 2u * PageSlots * HeadVec4s; // of a page

@group(0) @binding(1) var<storage, read_write> set_pages : array<Unit>;
@group(0) @binding(2) var<storage, read_write> fresh_pages : array<Unit>;
@group(0) @binding(7) var<storage, read> lists : array<u32>; // as where/list.wgsl has them

struct Place {
  is_fresh : bool,
  page : u32,
  slot : u32, // of the page
}

fn set_slots(kv_head : u32) -> u32 {
  return lists[2u * kv_head + 1u];
}

fn place_of(index : u32, kv_head : u32) -> Place {
  let slots = set_slots(kv_head);
  if (index < slots) {
    return Place(false, lists[lists[2u * kv_head] + index / PageSlots], index % PageSlots);
  }
  let position = params.base + index - slots;
  let rings = arrayLength(&fresh_pages) / (params.kv_heads * Units);
  return Place(true, ((position / PageSlots) % rings) * params.kv_heads + kv_head, position % PageSlots);
}

fn key_unit(place : Place, d : u32) -> u32 {
  return place.page * Units + d * PageSlots + place.slot;
}

fn value_unit(place : Place, d : u32) -> u32 {
  return place.page * Units + (PageSlots + place.slot) * HeadVec4s + d;
}

fn number4(place : Place, unit : u32) -> vec4<f32> {
  if (place.is_fresh) {
    return unpack(fresh_pages[unit]);
  }
  return unpack(set_pages[unit]);
}

fn put4(place : Place, unit : u32, value : vec4<f32>) {
  if (place.is_fresh) {
    fresh_pages[unit] = pack(value, 1.0);
  } else {
    set_pages[unit] = pack(value, 1.0);
  }
}

fn key_at(place : Place, d : u32) -> vec4<f32> {
  return number4(place, key_unit(place, d));
}
