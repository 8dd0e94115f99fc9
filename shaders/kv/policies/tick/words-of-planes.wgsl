// The planes of a slot, a word each, as (page, plane, slot).
fn page_units() -> u32 {
  return PageSlots * params.slot_words;
}

fn word_at(page : u32, slot : u32, n : u32) -> u32 {
  return page + n * PageSlots + slot % PageSlots;
}
