// Activations for a matvec as they are, read by every thread: no barrier, which would cost CPU rasterisers dearly.
const Groups : u32 = 0xffffffffu; // of 32 columns at a time: all

alias Input = Group;

var<private> squares : f32; // of this thread's split

fn stage_groups(start : u32, first : u32, count : u32, local : u32) {
}

// A group of the input; returns the sums of its first and of its last 16.
fn input_at(start : u32, group : u32, place : u32, x : ptr<function, Input>) -> vec2<f32> {
  squares += load_group(start, group, x);
  return sums_of(x);
}

fn input_dot(row : Row, group : u32, x : ptr<function, Input>, x_sum : vec2<f32>) -> f32 {
  return group_dot(row, group, x, x_sum);
}

// The sum of squares of the input, after all of it was read.
fn input_squares(lane : u32, split : u32) -> f32 {
  return split_sum(squares, lane, split);
}
