// The words of a slot in pages of a format that packs each head by itself (kv/page/read.wgsl), as they lie: keys as (unit, slot), then values as
// (slot, unit). Half of them are the key's.
fn page_units() -> u32 {
  return PageSlots * params.slot_words;
}

fn word_at(page : u32, slot : u32, n : u32) -> u32 {
  let half = params.slot_words / 2u;
  if (n < half) {
    return page + (n / params.unit_words * PageSlots + slot % PageSlots) * params.unit_words + n % params.unit_words;
  }
  return page + (PageSlots + slot % PageSlots) * half + n - half;
}
