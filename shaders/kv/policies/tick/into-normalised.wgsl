// Score: what the observed queries pay that see the slot, by query (ZipCache, arXiv 2405.14256).
var<private> paid : f32;
var<private> seeing : u32;

fn begin(page : u32, slot : u32, n : u32) {
}

fn add(position : u32, slot : u32, n : u32, mean : f32, most : f32) {
  paid += mean;
  seeing += 1u;
}

fn finish(page : u32, slot : u32, observed : u32) -> u32 {
  return bitcast<u32>(paid / f32(max(1u, seeing)));
}
