// output[row] = dot(matrix[row], norm(input)) (+ bias, gate or activation, scale, add), for one row of activations.
// A thread takes one matrix row per panel and every Splits-th group of 32 columns; `split_sum` adds the splits up. Which row it is, row/ has; how
// the input gets to a thread, input/ has: as it is, or rounded to bytes by the workgroup; from where, from/: a row, or splits of attention; what
// is bound, among/: for it alone, or for those of a layer that follow each other.
const Shares = PanelRows / RowsEach; // workgroups that have a panel between them, `RowsEach` rows each

override Panels : u32 = 1u; // per workgroup
override InTurns : bool = false; // first the gate's matrix, then up's, of an input that is staged

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
    // Gate and up together, or in two turns: both at once are more than few registers. By a bound that no compiler knows, or it would unroll the turns.
    for (var turn = 0u; turn < select(1u, 2u + (params[Slot].stride >> 31u), InTurns); turn++) {
      for (var place = split; place < count; place += Splits) {
        var x : Input;
        let x_sum = input_at(start, first + place, place, &x);
        for (var p = 0u; p < Panels; p++) {
          let panel = min(first_panel + p, params[Slot].panels - 1u) + turn * params[Slot].up_panels;
          let row = Row(params[Slot].first + panel * params[Slot].panel_words, first_lane + lane, params[Slot].blocks);
          sums[p] += input_dot(row, first + place, &x, x_sum);
          if (Gate != 0u && !InTurns) {
            let up_row = Row(params[Slot].first + (panel + params[Slot].up_panels) * params[Slot].panel_words, first_lane + lane, params[Slot].blocks);
            sums[p + 4u] += input_dot(up_row, first + place, &x, x_sum);
          }
        }
      }
      for (var p = 0u; InTurns && p < Panels; p++) {
        let other = sums[p];
        sums[p] = sums[p + 4u];
        sums[p + 4u] = other;
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
    if (split == 0u) {
      write_result(row, value, up);
    }
  }
}
