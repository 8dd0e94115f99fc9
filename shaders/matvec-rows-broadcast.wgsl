// As matvec-rows, for subgroups of at least 8: each thread loads one of a group's 8 vec4 of activations and the others get
// it by broadcast. Written out, since the lane of a broadcast is a constant. Needs `enable subgroups`.
// Not recorded, checked or tuned yet: only timed by itself.
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
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) lane : u32, @builtin(subgroup_invocation_id) id : u32) {
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
      let mine = input[start + t * stride + (id & 7u)];
      {
        let x = subgroupBroadcast(mine, 0u);
        for (var p = 0u; p < Panels; p++) {
          sums[p][t] += dot(w[p][0u], x);
        }
      }
      {
        let x = subgroupBroadcast(mine, 1u);
        for (var p = 0u; p < Panels; p++) {
          sums[p][t] += dot(w[p][1u], x);
        }
      }
      {
        let x = subgroupBroadcast(mine, 2u);
        for (var p = 0u; p < Panels; p++) {
          sums[p][t] += dot(w[p][2u], x);
        }
      }
      {
        let x = subgroupBroadcast(mine, 3u);
        for (var p = 0u; p < Panels; p++) {
          sums[p][t] += dot(w[p][3u], x);
        }
      }
      {
        let x = subgroupBroadcast(mine, 4u);
        for (var p = 0u; p < Panels; p++) {
          sums[p][t] += dot(w[p][4u], x);
        }
      }
      {
        let x = subgroupBroadcast(mine, 5u);
        for (var p = 0u; p < Panels; p++) {
          sums[p][t] += dot(w[p][5u], x);
        }
      }
      {
        let x = subgroupBroadcast(mine, 6u);
        for (var p = 0u; p < Panels; p++) {
          sums[p][t] += dot(w[p][6u], x);
        }
      }
      {
        let x = subgroupBroadcast(mine, 7u);
        for (var p = 0u; p < Panels; p++) {
          sums[p][t] += dot(w[p][7u], x);
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
