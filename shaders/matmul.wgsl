// output[t][row] = dot(matrix[row], input[t]) (+ bias, add) for many rows of activations: tiles of 64 matrix rows by 64
// activation rows, 32 columns at a time in workgroup memory, 4 x 4 results per thread.
struct Params {
  panels : u32,
  panel_words : u32,
  blocks : u32,
  groups : u32,
  rows : u32,
  first_output : u32,
  stride : u32,
  output_stride : u32,
  bias : u32,
  softcap : f32,
}

override HasBias : bool = false;
override Add : bool = false;
override Softcap : bool = false;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> vectors : array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> state : State;
@group(0) @binding(4) var<storage, read> input : array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> output : array<f32>;

// (row or token, 8 vec4 of columns); the column index is xored with the row so that neighbours lie in other banks.
var<workgroup> weight_tile : array<Tile, 512>;
var<workgroup> input_tile : array<vec4<f32>, 512>;

fn place(row : u32, column : u32) -> u32 {
  return row * 8u + (column ^ (row & 7u));
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let first_row = workgroup.x * 64u;
  let first_token = workgroup.y * 64u;
  let column = local % 16u; // results: rows column + 16 i, tokens line + 16 j
  let line = local / 16u;
  var sums = array<vec4<f32>, 4>(); // [j][i]
  for (var group = 0u; group < params.groups; group++) {
    if (local < 64u) {
      var w : array<vec4<f32>, 8>;
      let panel = min(workgroup.x * 2u + local / PanelRows, params.panels - 1u);
      group_load(Row(panel * params.panel_words, local % PanelRows, params.blocks), group, &w);
      for (var i = 0u; i < 8u; i++) {
        weight_tile[place(local, i)] = Tile(w[i]);
      }
    } else {
      for (var i = local - 64u; i < 512u; i += 192u) {
        let token = min(first_token + i / 8u, state.rows - 1u);
        input_tile[place(i / 8u, i % 8u)] = input[token * (params.stride / 4u) + group * 8u + i % 8u];
      }
    }
    workgroupBarrier();
    for (var k = 0u; k < 8u; k++) {
      let w0 = vec4<f32>(weight_tile[place(column, k)]);
      let w1 = vec4<f32>(weight_tile[place(column + 16u, k)]);
      let w2 = vec4<f32>(weight_tile[place(column + 32u, k)]);
      let w3 = vec4<f32>(weight_tile[place(column + 48u, k)]);
      for (var j = 0u; j < 4u; j++) {
        let x = input_tile[place(line + 16u * j, k)];
        sums[j] += vec4<f32>(dot(w0, x), dot(w1, x), dot(w2, x), dot(w3, x));
      }
    }
    workgroupBarrier();
  }
  for (var j = 0u; j < 4u; j++) {
    let token = first_token + line + 16u * j;
    for (var i = 0u; i < 4u; i++) {
      let row = first_row + column + 16u * i;
      if (row < params.rows && token < state.rows) {
        var value = sums[j][i];
        if (HasBias) {
          value += vectors[(params.bias + row) / 4u][(params.bias + row) % 4u];
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
    }
  }
}
