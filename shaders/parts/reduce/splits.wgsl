// Adds up the Splits partial sums of each lane in workgroup memory; every split gets the sum.
var<workgroup> partial : array<f32, RowsEach * Splits>;

fn split_sum(value : f32, lane : u32, split : u32) -> f32 {
  partial[split * RowsEach + lane] = value;
  workgroupBarrier();
  var sum = 0.0;
  for (var s = 0u; s < Splits; s++) {
    sum += partial[s * RowsEach + lane];
  }
  workgroupBarrier();
  return sum;
}

// Each thread's part of the sum of squares; a barrier must lie between this and `total_squares`.
fn leave_squares(squares : f32, local : u32) {
  partial[local] = squares;
}

fn total_squares(lane : u32, split : u32) -> f32 {
  var sum = 0.0;
  for (var s = 0u; s < Splits; s++) {
    sum += partial[s * RowsEach + lane];
  }
  workgroupBarrier();
  if (split == 0u) {
    partial[lane] = sum;
  }
  workgroupBarrier();
  var total = 0.0;
  for (var i = 0u; i < RowsEach; i++) {
    total += partial[i];
  }
  workgroupBarrier();
  return total;
}
