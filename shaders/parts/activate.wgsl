// The activations of feed-forward layers. tanh is clamped, since some GPUs return NaN for large arguments.
fn activate(x : f32, kind : u32) -> f32 {
  if (kind == 1u) {
    return x / (1.0 + exp(-clamp(x, -80.0, 80.0)));
  }
  if (kind == 3u) {
    return max(x, 0.0); // ReLU
  }
  let inner = 0.7978845608028654 * (x + 0.044715 * x * x * x);
  return 0.5 * x * (1.0 + tanh(clamp(inner, -20.0, 20.0)));
}

// The gate's activation times what it lets through; 4: gpt-oss' clamped one.
fn gate_with(gate : f32, up : f32, kind : u32) -> f32 {
  if (kind == 4u) {
    let low = min(gate, 7.0);
    return low / (1.0 + exp(-clamp(1.702 * low, -80.0, 80.0))) * (clamp(up, -7.0, 7.0) + 1.0);
  }
  return activate(gate, kind) * up;
}

// What a layer's xIELU is made of: its file in src/model/ops.
struct Xielu {
  negative : f32,
  positive : f32,
  beta : f32,
  most : f32,
}

// Of layers without a gate: squared ReLU (1) or xIELU (2).
fn activate_alone(x : f32, kind : u32, by : Xielu) -> f32 {
  let positive = max(x, 0.0);
  if (kind == 1u) {
    return positive * positive;
  }
  let below = by.negative * (exp(min(x, by.most)) - 1.0 - x);
  return select(below, by.positive * positive * positive, x > 0.0) + by.beta * x;
}
