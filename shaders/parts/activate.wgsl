// The activations of gated feed-forward layers. tanh is clamped, since some GPUs return NaN for large arguments.
fn activate(x : f32, kind : u32) -> f32 {
  if (kind == 1u) {
    return x / (1.0 + exp(-clamp(x, -80.0, 80.0)));
  }
  let inner = 0.7978845608028654 * (x + 0.044715 * x * x * x);
  return 0.5 * x * (1.0 + tanh(clamp(inner, -20.0, 20.0)));
}
