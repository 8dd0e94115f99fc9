// output[t][row] = dot(matrix[row], input[t]) (+ bias, add) for some rows of activations at once: a thread takes a matrix
// row of each of 4 panels and 8 activation rows, so that each weight unpacked and each activation read is used several
// times. No barriers.
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
const Panels : u32 = 4u;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> vectors : array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> state : State;
@group(0) @binding(4) var<storage, read> input : array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> output : array<f32>;

@compute @workgroup_size(PanelRows)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) lane : u32) {
  let first = workgroup.y * Tokens;
  let stride = params.stride / 4u;
  var sums = array<array<f32, Tokens>, Panels>();
  for (var group = 0u; group < params.groups; group++) {
    var w : array<array<vec4<f32>, 8>, Panels>;
    for (var p = 0u; p < Panels; p++) {
      let panel = min(workgroup.x * Panels + p, params.panels - 1u);
      var unpacked : array<vec4<f32>, 8>;
      group_load(Row(panel * params.panel_words, lane, params.blocks), group, &unpacked);
      w[p] = unpacked;
    }
    let start = first * stride + group * 8u;
    for (var t = 0u; t < Tokens; t++) {
      for (var i = 0u; i < 8u; i++) {
        let x = input[start + t * stride + i];
        for (var p = 0u; p < Panels; p++) {
          sums[p][t] += dot(w[p][i], x);
        }
      }
    }
  }
  for (var p = 0u; p < Panels; p++) {
    let r = (workgroup.x * Panels + p) * PanelRows + lane;
    for (var t = 0u; t < Tokens; t++) {
      if (r < params.rows && first + t < state.rows) {
        var value = sums[p][t];
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
}
