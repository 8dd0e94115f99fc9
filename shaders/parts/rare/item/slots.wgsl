// Experts in slots: which slot an expert is in, `table` says; where it is in none, another dispatch has it.
@group(0) @binding(5) var<storage, read> table : array<u32>;

fn is_here(expert : u32, panel : u32) -> bool {
  return table[expert] != NoSlot;
}

fn first_word_of(expert : u32) -> u32 {
  return table[expert] * params.slot_words + params.first_word;
}
