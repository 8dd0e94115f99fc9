// What the kernels that multiply one row of activations share: parameters, and how a result is written. What is bound, among/ has.
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

override HasNorm : bool = false;
override HasBias : bool = false;
override Gate : u32 = 0u;   // 0 none, 1 SiLU, 2 GELU (tanh), 3 ReLU
override Alone : u32 = 0u;  // activation without a gate: 0 none, 1 squared ReLU, 2 xIELU
override Scaled : bool = false;
override Add : bool = false;
override Softcap : bool = false;

// The sums of the first and of the last 16.
fn sums_of(x : ptr<function, Group>) -> vec2<f32> {
  let one = vec4<f32>(1.0);
  return vec2<f32>(dot((*x)[0] + (*x)[1] + (*x)[2] + (*x)[3], one), dot((*x)[4] + (*x)[5] + (*x)[6] + (*x)[7], one));
}

// The product of a matrix row and the activations, times that of its up row if it is gated (+ bias, activation, scale, cap, add); nothing where there is
// no such row.
fn write_result(row : u32, product : f32, up : f32) {
  if (row >= params[Slot].rows) {
    return;
  }
  var value = product;
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
