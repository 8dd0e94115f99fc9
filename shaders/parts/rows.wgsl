// What the kernels that multiply several rows of activations share: parameters, bindings, and how a result is written.
struct Params {
  panels : u32,
  panel_words : u32,
  blocks : u32,
  groups : u32,
  rows : u32,
  first_output : u32,
  stride : u32,        // floats per input row
  output_stride : u32, // floats per output row
  bias : u32,
  softcap : f32,
  scale : f32,
}

const TileRows : u32 = 64u; // rows of the matrix, and tokens, of a tile

override HasBias : bool = false;
override Scaled : bool = false;
override Add : bool = false;
override Softcap : bool = false;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> vectors : array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> state : State;
@group(0) @binding(4) var<storage, read> input : array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> output : array<f32>;

// `count`, as the bound of a loop that no compiler unrolls, by a parameter below 2^31; of the lesser of the two some know the most, and unroll by that.
fn hidden_bound(count : u32, parameter : u32) -> u32 {
  return count + (parameter >> 31u);
}

// The product of a matrix row and the activations of a token (+ bias, scale, add); nothing where there is no such row or token.
fn write_result(row : u32, token : u32, product : f32) {
  if (row >= params.rows || token >= state.rows) {
    return;
  }
  var value = product;
  if (HasBias) {
    value += vectors[(params.bias + row) / 4u][(params.bias + row) % 4u];
  }
  if (Scaled) {
    value *= params.scale;
  }
  if (Softcap) {
    value = params.softcap * tanh(clamp(value / params.softcap, -20.0, 20.0));
  }
  let index = token * params.output_stride + params.first_output + row;
  if (Add) {
    value += output[index];
  }
  output[index] = value;
}
