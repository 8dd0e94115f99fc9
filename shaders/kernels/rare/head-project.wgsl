// A matrix for each head, of its own part of a row of activations. A workgroup takes a panel for one row; its threads take a row
// of the matrix each.
struct Params {
  panel_words : u32,
  blocks : u32,    // per row
  groups : u32,    // of 32 columns
  rows : u32,      // of this part of the matrices
  first_row : u32, // of it among the rows of all heads
  head_rows : u32,
  first : u32,     // vec4s from the start of a row of the input
  step : u32,      // vec4s from head to head
  stride : u32,    // floats
  to : u32,        // floats, of the output
  to_step : u32,
  output_stride : u32,
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> input : array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> output : array<f32>;

@compute @workgroup_size(PanelRows)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) lane : u32) {
  let here = workgroup.x * PanelRows + lane;
  if (here >= params.rows) {
    return;
  }
  let row = params.first_row + here;
  let head = row / params.head_rows;
  let start = workgroup.y * (params.stride / 4u) + params.first + head * params.step;
  let weights_row = Row(workgroup.x * params.panel_words, lane, params.blocks);
  var sum = 0.0;
  for (var group = 0u; group < params.groups; group++) {
    var w : Group;
    group_load(weights_row, group, &w);
    for (var i = 0u; i < 8u; i++) {
      sum += dot(w[i], input[start + group * 8u + i]);
    }
  }
  output[workgroup.y * params.output_stride + params.to + head * params.to_step + row % params.head_rows] = sum;
}
