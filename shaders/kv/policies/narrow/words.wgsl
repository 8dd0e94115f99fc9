// The words of a slot in such a page, as they lie: those of the key, then those of the value.
fn word_at(page : u32, slot : u32, n : u32) -> u32 {
  if (n < KeyWords) {
    return page + n * PageSlots + slot % PageSlots;
  }
  return page + Values + (slot % PageSlots) * ValueWords + n - KeyWords;
}
