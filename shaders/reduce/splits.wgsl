// Adds up the Splits partial sums of each lane in workgroup memory; every split gets the sum.
var<workgroup> partial : array<f32, PanelRows * Splits>;

fn split_sum(value : f32, lane : u32, split : u32) -> f32 {
  partial[split * PanelRows + lane] = value;
  workgroupBarrier();
  var sum = 0.0;
  for (var s = 0u; s < Splits; s++) {
    sum += partial[s * PanelRows + lane];
  }
  workgroupBarrier();
  return sum;
}
