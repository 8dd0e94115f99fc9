// Words of weights by a binding of their own: choosing one of four costs a load, an address and a select each time.
@group(0) @binding(9) var<storage, read> words : array<u32>;

// One word, of a plane with any number of words per block.
fn word(index : u32) -> u32 {
  return words[index];
}
