// As matvec-rows, but Lanes threads of a subgroup load the activations of a group together and each gets the others' by
// broadcast: memory is read a Lanes-th as often. No subgroup may be smaller than Lanes. No barriers.
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
const Loads : u32 = 8u / Lanes; // vec4 per thread, of the 8 of a group

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> vectors : array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> state : State;
@group(0) @binding(4) var<storage, read> input : array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> output : array<f32>;

alias Panel = array<vec4<f32>, 8>; // a row's weights of one group

// Four activations times the weights of each panel.
fn products(x : vec4<f32>, w : ptr<function, array<Panel, Panels>>, i : u32) -> vec4<f32> {
  return vec4<f32>(dot((*w)[0][i], x), dot((*w)[1][i], x), dot((*w)[2][i], x), dot((*w)[3][i], x));
}

@compute @workgroup_size(PanelRows)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) lane : u32, @builtin(subgroup_invocation_id) id : u32) {
  let first_panel = workgroup.x * Panels;
  let first = workgroup.y * Tokens;
  let stride = params.stride / 4u;
  var sums = array<vec4<f32>, Tokens>(); // per panel
  for (var group = 0u; group < params.groups; group++) {
    var w : array<Panel, Panels>;
    for (var p = 0u; p < Panels; p++) {
      let panel = min(first_panel + p, params.panels - 1u);
      var unpacked : Panel;
      group_load(Row(panel * params.panel_words, lane, params.blocks), group, &unpacked);
      w[p] = unpacked;
    }
    for (var t = 0u; t < Tokens; t++) {
      var x : array<vec4<f32>, Loads>;
      for (var i = 0u; i < Loads; i++) {
        x[i] = input[(first + t) * stride + group * 8u + i * Lanes + id % Lanes];
      }
      // Written out, since the lane of a broadcast is a constant.
      var sum = products(subgroupBroadcast(x[0], 0u), &w, 0u);
      sum += products(subgroupBroadcast(x[1u / Lanes], 1u % Lanes), &w, 1u);
      sum += products(subgroupBroadcast(x[2u / Lanes], 2u % Lanes), &w, 2u);
      sum += products(subgroupBroadcast(x[3u / Lanes], 3u % Lanes), &w, 3u);
      sum += products(subgroupBroadcast(x[4u / Lanes], 4u % Lanes), &w, 4u);
      sum += products(subgroupBroadcast(x[5u / Lanes], 5u % Lanes), &w, 5u);
      sum += products(subgroupBroadcast(x[6u / Lanes], 6u % Lanes), &w, 6u);
      sum += products(subgroupBroadcast(x[7u / Lanes], 7u % Lanes), &w, 7u);
      sums[t] += sum;
    }
  }
  for (var p = 0u; p < Panels; p++) {
    let r = (first_panel + p) * PanelRows + lane;
    for (var t = 0u; t < Tokens; t++) {
      if (r < params.rows && first + t < state.rows) {
        var value = sums[t][p];
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
