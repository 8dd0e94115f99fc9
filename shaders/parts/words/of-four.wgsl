// Words of weights where a kernel has no binding left for them.

// One word, of a plane with any number of words per block.
fn word(index : u32) -> u32 {
  return weights[index >> 2u][index & 3u];
}
