// A page of codes of a few bits with a scale and a minimum, as a pair of f16, for some of them together: 32 slots of one key/value head, keys as (word,
// slot), their pairs, then values as (slot, word), their pairs as (slot, group); behind all of it, where keys or values have factors, the place in `lists`
// of those of the head. A group is of 32 channels, of values of `ValueChannels`.
alias Unit = u32;

const Groups = (HeadVec4s + 7u) / 8u;
const ValueGroups = (4u * HeadVec4s + ValueChannels - 1u) / ValueChannels;
const CodeWords = Bits * Groups; // of a head
const KeyPairs = PageSlots * CodeWords;
const ValueCodes = KeyPairs + KeyPairWords;
const ValuePairs = ValueCodes + PageSlots * CodeWords;
const FactorsAt = ValuePairs + PageSlots * ValueGroups;

fn page_units() -> u32 {
  return FactorsAt + FactorWords;
}
