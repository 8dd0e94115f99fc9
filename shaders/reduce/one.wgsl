// One split: nothing to add up, and no barrier, which would cost CPU rasterisers dearly.
fn split_sum(value : f32, lane : u32, split : u32) -> f32 {
  return value;
}
