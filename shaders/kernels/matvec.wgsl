// output[row] = dot(matrix[row], norm(input)) (+ bias, gate or activation, scale, add), for one row of activations.
// A thread takes one matrix row per panel and every Splits-th group of 32 columns; `split_sum` adds the splits up. How
// the input gets to a thread, input/ has: as it is, or rounded to bytes by the workgroup; from where, from/: a row, or splits of attention.
struct Params {
  panels : u32,      // of this part of the matrix
  panel_words : u32,
  blocks : u32,      // per row
  groups : u32,      // of 32 columns, per row
  rows : u32,        // results in this part
  first_output : u32,
  stride : u32,      // floats per input row
  norm : u32,        // vec4 index of the norm weights in `vectors`
  bias : u32,        // float index of the biases in `vectors`
  up_panels : u32,   // gated: panels from a gate row to its up row
  inverse_cols : f32,
  eps : f32,
  softcap : f32,
  scale : f32,
  negative : f32, // of xIELU
  positive : f32,
  beta : f32,
  most : f32,
}

const Shares = PanelRows / RowsEach; // workgroups that have a panel between them, `RowsEach` rows each

override Panels : u32 = 1u; // per workgroup
override HasNorm : bool = false;
override HasBias : bool = false;
override Gate : u32 = 0u;   // 0 none, 1 SiLU, 2 GELU (tanh), 3 ReLU
override Alone : u32 = 0u;  // activation without a gate: 0 none, 1 squared ReLU, 2 xIELU
override Scaled : bool = false;
override Add : bool = false;
override Softcap : bool = false;
override LastRow : bool = false; // the input is the last row of the step, not the first

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> vectors : array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> state : State;
@group(0) @binding(4) var<storage, read> input : array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> output : array<f32>;

// A group of the input, a row that begins at `start`, times the norm's weights; returns the sum of squares.
fn load_group(start : u32, group : u32, x : ptr<function, Group>) -> f32 {
  var squares = 0.0;
  for (var i = 0u; i < 8u; i++) {
    let value = input4(start + group * 8u + i);
    if (HasNorm) {
      squares += dot(value, value);
      (*x)[i] = value * vectors[params.norm + group * 8u + i];
    } else {
      (*x)[i] = value;
    }
  }
  return squares;
}

// The sums of the first and of the last 16.
fn sums_of(x : ptr<function, Group>) -> vec2<f32> {
  let one = vec4<f32>(1.0);
  return vec2<f32>(dot((*x)[0] + (*x)[1] + (*x)[2] + (*x)[3], one), dot((*x)[4] + (*x)[5] + (*x)[6] + (*x)[7], one));
}

@compute @workgroup_size(RowsEach * Splits)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let lane = local % RowsEach;
  let split = local / RowsEach;
  let first_panel = workgroup.x / Shares * Panels;
  let first_lane = workgroup.x % Shares * RowsEach;
  let start = select(0u, state.rows - 1u, LastRow) * (params.stride / 4u);
  make_input(local);
  var sums = array<f32, 8>(); // per panel; gated: 4 gate sums, then 4 up sums
  for (var first = 0u; first < params.groups; first += Groups) {
    let count = min(Groups, params.groups - first);
    stage_groups(start, first, count, local);
    for (var place = split; place < count; place += Splits) {
      var x : Input;
      let x_sum = input_at(start, first + place, place, &x);
      for (var p = 0u; p < Panels; p++) {
        let panel = min(first_panel + p, params.panels - 1u);
        let row = Row(panel * params.panel_words, first_lane + lane, params.blocks);
        sums[p] += input_dot(row, first + place, &x, x_sum);
        if (Gate != 0u) {
          let up_row = Row((panel + params.up_panels) * params.panel_words, first_lane + lane, params.blocks);
          sums[p + 4u] += input_dot(up_row, first + place, &x, x_sum);
        }
      }
    }
  }
  var scale = 1.0;
  if (HasNorm) {
    scale = inverseSqrt(input_squares(lane, split) * params.inverse_cols + params.eps);
  }
  for (var p = 0u; p < Panels; p++) {
    let row = (first_panel + p) * PanelRows + first_lane + lane;
    var value = split_sum(sums[p], lane, split) * scale;
    var up = 1.0;
    if (Gate != 0u) {
      up = split_sum(sums[p + 4u], lane, split) * scale;
    }
    if (row < params.rows && split == 0u) {
      if (HasBias) {
        value += vectors[(params.bias + row) / 4u][(params.bias + row) % 4u];
      }
      if (Gate != 0u) {
        value = activate(value, Gate) * up;
      }
      if (Alone != 0u) {
        value = activate_alone(value, Alone, Xielu(params.negative, params.positive, params.beta, params.most));
      }
      if (Scaled) {
        value *= params.scale;
      }
      if (Softcap) {
        value = params.softcap * tanh(clamp(value / params.softcap, -20.0, 20.0));
      }
      if (Add) {
        value += output[params.first_output + row];
      }
      output[params.first_output + row] = value;
    }
  }
}
