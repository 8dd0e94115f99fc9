// Activations in workgroup memory for a matvec: times the norm's weights and added up once for all rows of the workgroup.
// `Groups` of 32 columns at a time.

alias Input = Group; // as input_dot takes it

var<workgroup> staged : array<Group, Groups>;
var<workgroup> staged_sums : array<vec2<f32>, Groups>; // of the first and of the last 16

var<private> squares : f32; // this thread's share of the sum

fn stage_groups(start : u32, first : u32, count : u32, local : u32) {
  if (first > 0u) {
    workgroupBarrier();
  } else {
    fill_table(local, RowsEach * Splits);
  }
  for (var at = local; at < count * 8u; at += RowsEach * Splits) {
    var value = input4(start + first * 8u + at);
    if (HasNorm) {
      squares += dot(value, value);
      value *= vector4(params[Slot].norm + first * 8u + at);
    }
    staged[at / 8u][at % 8u] = value;
  }
  workgroupBarrier();
  for (var place = local; place < count; place += RowsEach * Splits) {
    var x = staged[place];
    staged_sums[place] = sums_of(&x);
  }
  if (HasNorm) {
    leave_squares(squares, local);
  }
  workgroupBarrier();
}

// A group of the input; returns the sums of its first and of its last 16.
fn input_at(start : u32, group : u32, place : u32, x : ptr<function, Group>) -> vec2<f32> {
  *x = staged[place];
  return staged_sums[place];
}

fn input_dot(row : Row, group : u32, x : ptr<function, Group>, x_sum : vec2<f32>) -> f32 {
  return group_dot(row, group, x, x_sum);
}

// The sum of squares of the input, after all of it was read.
fn input_squares(lane : u32, split : u32) -> f32 {
  return total_squares(lane, split);
}
