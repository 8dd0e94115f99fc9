// The row of activations that a matvec takes: the last of the step.
@group(0) @binding(3) var<storage, read> state : State;

fn row_of_input() -> u32 {
  return state.rows - 1u;
}
