// output[t][row] = dot(matrix[row], input[t]) (+ bias, add) for a few rows of activations at once: a thread takes one
// matrix row and Tokens activation rows, so each weight is unpacked once for all of them. No barriers.
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
}

override HasBias : bool = false;
override Add : bool = false;
override Softcap : bool = false;
const Tokens : u32 = 8u;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> vectors : array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> state : State;
@group(0) @binding(4) var<storage, read> input : array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> output : array<f32>;

@compute @workgroup_size(PanelRows)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) lane : u32) {
  let first = workgroup.y * Tokens;
  let row = Row(workgroup.x * params.panel_words, lane, params.blocks);
  let stride = params.stride / 4u;
  var sums = array<f32, Tokens>();
  for (var group = 0u; group < params.groups; group++) {
    var w : array<vec4<f32>, 8>;
    group_load(row, group, &w);
    let start = first * stride + group * 8u;
    for (var t = 0u; t < Tokens; t++) {
      let x = start + t * stride;
      sums[t] += dot(w[0], input[x]) + dot(w[1], input[x + 1u]) + dot(w[2], input[x + 2u]) + dot(w[3], input[x + 3u])
        + dot(w[4], input[x + 4u]) + dot(w[5], input[x + 5u]) + dot(w[6], input[x + 6u]) + dot(w[7], input[x + 7u]);
    }
  }
  let r = workgroup.x * PanelRows + lane;
  if (r >= params.rows) {
    return;
  }
  for (var t = 0u; t < Tokens; t++) {
    if (first + t < state.rows) {
      var value = sums[t];
      if (HasBias) {
        value += vectors[(params.bias + r) / 4u][(params.bias + r) % 4u];
      }
      if (Softcap) {
        value = params.softcap * tanh(clamp(value / params.softcap, -20.0, 20.0));
      }
      let index = (first + t) * params.output_stride + params.first_output + r;
      if (Add) {
        value += output[index];
      }
      output[index] = value;
    }
  }
}
