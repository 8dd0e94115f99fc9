// Score: what all queries have paid so far, which a plane holds (H2O, arXiv 2306.14048). After planes.wgsl.
var<private> paid : f32;
var<private> before : f32;

fn begin(page : u32, slot : u32, n : u32) {
  if (!is_new(n)) {
    before = bitcast<f32>(planes[plane_at(page, slot, params.plane)]);
  }
}

fn add(position : u32, slot : u32, n : u32, mean : f32, most : f32) {
  paid += mean;
}

fn finish(page : u32, slot : u32, observed : u32) -> u32 {
  let all = bitcast<u32>(before + paid);
  planes[plane_at(page, slot, params.plane)] = all;
  return all;
}
