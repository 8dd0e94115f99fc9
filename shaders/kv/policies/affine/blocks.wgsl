// Keys have a scale for each slot and 16 channels of like size (`blocks`), wherever in the head those are; before a head's list of pages (kv/where/list.wgsl)
// it says of each channel which block that is.
const FactorWords = 1u;

fn blocks_of(page : u32, d : u32) -> vec4<u32> {
  let at = pages[page + FactorsAt] + 4u * d;
  return vec4<u32>(lists[at], lists[at + 1u], lists[at + 2u], lists[at + 3u]);
}
