// output[row] = dot(matrix[row], norm(input)) (+ bias, gate or activation, scale, add), for one row of activations.
// A thread takes one matrix row per panel and every Splits-th group of 32 columns; `split_sum` adds the splits up. Which row it is, row/ has; how
// the input gets to a thread, input/ has: as it is, or rounded to bytes by the workgroup; from where, from/: a row, or splits of attention; what
// is bound, among/: for it alone, or for those of a layer that follow each other.
struct Params {
  @align(16)
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
  first : u32, // word of `weights` that the first panel begins at
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

// A group of the input, a row that begins at `start`, times the norm's weights; returns the sum of squares.
fn load_group(start : u32, group : u32, x : ptr<function, Group>) -> f32 {
  var squares = 0.0;
  for (var i = 0u; i < 8u; i++) {
    let value = input4(start + group * 8u + i);
    if (HasNorm) {
      squares += dot(value, value);
      (*x)[i] = value * vector4(params[Slot].norm + group * 8u + i);
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
  let start = row_of_input() * (params[Slot].stride / 4u);
  make_input(local);
  var sums = array<f32, 8>(); // per panel; gated: 4 gate sums, then 4 up sums
  for (var first = 0u; first < params[Slot].groups; first += Groups) {
    let count = min(Groups, params[Slot].groups - first);
    stage_groups(start, first, count, local);
    for (var place = split; place < count; place += Splits) {
      var x : Input;
      let x_sum = input_at(start, first + place, place, &x);
      for (var p = 0u; p < Panels; p++) {
        let panel = min(first_panel + p, params[Slot].panels - 1u);
        let row = Row(params[Slot].first + panel * params[Slot].panel_words, first_lane + lane, params[Slot].blocks);
        sums[p] += input_dot(row, first + place, &x, x_sum);
        if (Gate != 0u) {
          let up_row = Row(params[Slot].first + (panel + params[Slot].up_panels) * params[Slot].panel_words, first_lane + lane, params[Slot].blocks);
          sums[p + 4u] += input_dot(up_row, first + place, &x, x_sum);
        }
      }
    }
  }
  var scale = 1.0;
  if (HasNorm) {
    scale = inverseSqrt(input_squares(lane, split) * params[Slot].inverse_cols + params[Slot].eps);
  }
  for (var p = 0u; p < Panels; p++) {
    let row = (first_panel + p) * PanelRows + first_lane + lane;
    var value = split_sum(sums[p], lane, split) * scale;
    var up = 1.0;
    if (Gate != 0u) {
      up = split_sum(sums[p + 4u], lane, split) * scale;
    }
    if (row < params[Slot].rows && split == 0u) {
      if (HasBias) {
        value += vector(params[Slot].bias + row);
      }
      if (Gate != 0u) {
        value = activate(value, Gate) * up;
      }
      if (Alone != 0u) {
        value = activate_alone(value, Alone, Xielu(params[Slot].negative, params[Slot].positive, params[Slot].beta, params[Slot].most));
      }
      if (Scaled) {
        value *= params[Slot].scale;
      }
      if (Softcap) {
        value = params[Slot].softcap * tanh(clamp(value / params[Slot].softcap, -20.0, 20.0));
      }
      if (Add) {
        value += output[params[Slot].first_output + row];
      }
      output[params[Slot].first_output + row] = value;
    }
  }
}
