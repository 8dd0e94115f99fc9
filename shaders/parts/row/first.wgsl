// The row of activations that a matvec takes: the first of the step.
fn row_of_input() -> u32 {
  return 0u;
}
