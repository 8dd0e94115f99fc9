// Score: what all observed queries pay, by query (SnapKV, arXiv 2404.14469).
var<private> paid : f32;

fn begin(page : u32, slot : u32, n : u32) {
}

fn add(position : u32, slot : u32, n : u32, mean : f32, most : f32) {
  paid += mean;
}

fn finish(page : u32, slot : u32, observed : u32) -> u32 {
  return bitcast<u32>(paid / f32(max(1u, observed)));
}
