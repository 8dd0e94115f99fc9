// output[first + t] = table[ids[position + t]] * scale. A thread unpacks a group of 32 columns of one token's row.
struct Params {
  panel_words : u32,
  blocks : u32,
  groups : u32,
  first_row : u32, // of this part of the table
  rows : u32,      // in this part
  stride : u32,    // floats per output row
  scale : f32,
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> state : State;
@group(0) @binding(3) var<storage, read> ids : array<u32>;
@group(0) @binding(4) var<storage, read_write> output : array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) thread : vec3<u32>) {
  let group = thread.x;
  let t = thread.y;
  let id = ids[state.position + t] - params.first_row; // wraps to a large number below first_row
  if (group >= params.groups || t >= state.rows || id >= params.rows) {
    return;
  }
  var w : Group;
  group_load(Row((id / PanelRows) * params.panel_words, id % PanelRows, params.blocks), group, &w);
  for (var i = 0u; i < 8u; i++) {
    output[(state.first + t) * (params.stride / 4u) + group * 8u + i] = w[i] * params.scale;
  }
}
