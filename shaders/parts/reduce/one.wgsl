// One split: nothing to add up, and no barrier, which would cost CPU rasterisers dearly.
fn split_sum(value : f32, lane : u32, split : u32) -> f32 {
  return value;
}

var<workgroup> squares_left : array<f32, RowsEach>;

// Each thread's part of the sum of squares; a barrier must lie between this and `total_squares`.
fn leave_squares(squares : f32, local : u32) {
  squares_left[local] = squares;
}

fn total_squares(lane : u32, split : u32) -> f32 {
  var sum = 0.0;
  for (var i = 0u; i < RowsEach; i++) {
    sum += squares_left[i];
  }
  return sum;
}
