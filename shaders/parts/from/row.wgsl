// The input of a matvec as a row of numbers that another dispatch has left.
fn make_input(local : u32) {
}

fn input4(at : u32) -> vec4<f32> {
  return input[at];
}
