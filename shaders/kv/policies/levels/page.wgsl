// A page of codes of unevenly spread levels (KVQuant, arXiv 2401.18079): keys as they were before their positions turned them, as (word, slot), of each channel
// the middle and half the width of its range, then so many of its numbers that are furthest out, each with its slot; values as (slot, word), ranges and
// numbers that are out of each slot, with their channels; the first position, and the place in `lists` of the head's table: levels of keys, of values, and keys
// and values of the first `Sinks` positions as they are. After a file of codes.
alias Unit = u32;
const Groups = (HeadVec4s + 7u) / 8u;
const CodeWords = Bits * Groups; // of a head
const Levels = 1u << Bits;
const KeyRanges = PageSlots * CodeWords;
const KeyOut = KeyRanges + 4u * HeadVec4s;
const ValueCodes = KeyOut + KeyOutliers * 4u * HeadVec4s;
const ValueRanges = ValueCodes + PageSlots * CodeWords;
const ValueOut = ValueRanges + PageSlots;
const PositionAt = ValueOut + ValueOutliers * PageSlots;
const TableAt = PositionAt + 1u;
const TableWords = 2u * Levels + Sinks * 8u * HeadVec4s;

fn page_units() -> u32 {
  return TableAt + 1u;
}

// (middle, half the width) of a range.
fn range_in(word : u32) -> vec2<f32> {
  let range = unpack2x16float(word);
  return vec2<f32>(range.x, max(range.y, 1e-4));
}
