// Fresh slots of two layers, whose rings have as many pages.
const Other = 0x80000000u; // marks those of the other one
const Within = 0x7fffffffu;

@group(0) @binding(2) var<storage, read> source : array<u32>; // the fresh pages, as where/ring.wgsl has them
@group(0) @binding(1) var<storage, read> other : array<u32>;

fn word_of(at : u32, word : u32) -> u32 {
  if (at >= Other) {
    return other[word];
  }
  return source[word];
}
