// The choices of rows: of each row the ids of its experts, then their weights. Choice i of row r is r * used + i.
@group(0) @binding(7) var<storage, read> chosen : array<u32>;

fn expert_of(choice : u32) -> u32 {
  return chosen[choice / params.used * params.chosen_stride + choice % params.used];
}

fn weight_of(choice : u32) -> f32 {
  return bitcast<f32>(chosen[choice / params.used * params.chosen_stride + params.used + choice % params.used]);
}
