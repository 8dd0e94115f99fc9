// A page of codes of a few bits with a scale and a minimum, as a pair of f16, for some of them together: 32 slots of one key/value head, keys as (word,
// slot), their pairs, then values as (slot, word), their pairs as (slot, group). A group is of 32 channels.
alias Unit = u32;

const Groups = (HeadVec4s + 7u) / 8u;
const CodeWords = Bits * Groups; // of a head
const KeyPairs = PageSlots * CodeWords;
const ValueCodes = KeyPairs + KeyPairWords;
const ValuePairs = ValueCodes + PageSlots * CodeWords;

fn page_units() -> u32 {
  return ValuePairs + PageSlots * Groups;
}
