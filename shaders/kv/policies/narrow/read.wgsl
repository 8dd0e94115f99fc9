// A page whose keys have `KeyChannels` of a head's channels, others being 0 (ThinK, arXiv 2407.21018): keys as (word, slot), then values as (slot, word), behind
// them the place in `lists` of a table of the head: of each channel which of a key's numbers it is, or more than there are. After numbers/at.wgsl.
const ScaleUnits : u32 = 0u;
const Values = PageSlots * KeyWords;
const TableAt = Values + PageSlots * ValueWords;

fn page_units() -> u32 {
  return TableAt + 1u;
}

fn key4(page : u32, d : u32, slot : u32) -> vec4<f32> {
  let table = pages[page + TableAt] + 4u * d;
  var key = vec4<f32>();
  for (var i = 0u; i < 4u; i++) {
    let place = lists[table + i];
    if (place < KeyChannels) {
      key[i] = number_at(page + slot, PageSlots, place);
    }
  }
  return key;
}

fn key_scale(page : u32, slot : u32) -> f32 {
  return 1.0;
}

fn value4(page : u32, slot : u32, d : u32) -> vec4<f32> {
  let first = page + Values + slot * ValueWords;
  return vec4<f32>(number_at(first, 1u, 4u * d), number_at(first, 1u, 4u * d + 1u), number_at(first, 1u, 4u * d + 2u), number_at(first, 1u, 4u * d + 3u));
}

fn value_scale(page : u32, slot : u32) -> f32 {
  return 1.0;
}
