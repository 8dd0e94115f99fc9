// output[t][row] = dot(matrix[row], input[t]) (+ bias, add) for many rows of activations: tiles of 64 matrix rows by 64
// activation rows, 32 columns at a time in workgroup memory, 4 x 4 results per thread.

override Lean : bool = false; // threads have few registers

// In four planes of 16 rows, or tokens, as a thread takes one of each: the same place in all of them costs one address. Within a plane
// (8 vec4 of columns, 16); threads take rows on end, and in the other the token is xored with the column so that those which write lie in
// other banks.
var<workgroup> weight_tile : array<array<Tile, 128>, 4>;
var<workgroup> input_tile : array<array<vec4<f32>, 128>, 4>;

// Columns 4 * first to 4 * end of a group of a row.
fn stage_weights(panels : u32, row : u32, group : u32, first : u32, end : u32) {
  var w : Group;
  let panel = min(panels + row / PanelRows, params.panels - 1u);
  group_load(Row(panel * params.panel_words, row % PanelRows, params.blocks), group, &w);
  for (var i = first; i < end; i++) {
    weight_tile[row / 16u][i * 16u + row % 16u] = Tile(w[i]);
  }
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let first_row = workgroup.x * TileRows;
  let first_token = workgroup.y * TileRows;
  let column = local % 16u; // results: rows column + 16 i, tokens line + 16 j
  let line = local / 16u;
  var sums = array<vec4<f32>, 4>(); // [j][i]
  for (var group = 0u; group < params.groups; group++) {
    // In two halves where registers are few: of groups that no compiler knows to be the same, or it would unpack all of them once for both.
    let loading = select(64u, 128u, Lean);
    if (local >= loading) {
      for (var i = local - loading; i < 512u; i += 256u - loading) {
        let token = min(first_token + i / 8u, state.rows - 1u);
        input_tile[i / 128u][i % 8u * 16u + ((i / 8u % 16u) ^ (i % 8u))] = input[token * (params.stride / 4u) + group * 8u + i % 8u];
      }
    } else if (!Lean) {
      stage_weights(workgroup.x * 2u, local, group, 0u, 8u);
    } else if (local < 64u) {
      stage_weights(workgroup.x * 2u, local, group, 0u, 4u);
    } else {
      stage_weights(workgroup.x * 2u, local - 64u, hidden_bound(group, params.stride), 4u, 8u);
    }
    workgroupBarrier();
    // A bound that no compiler knows, or some would unroll the loop and run out of registers.
    for (var k = 0u; k < min(8u, params.stride); k++) {
      let at = k * 16u + column;
      let w0 = vec4<f32>(weight_tile[0][at]);
      let w1 = vec4<f32>(weight_tile[1][at]);
      let w2 = vec4<f32>(weight_tile[2][at]);
      let w3 = vec4<f32>(weight_tile[3][at]);
      for (var j = 0u; j < 4u; j++) {
        let x = input_tile[j][k * 16u + (line ^ k)];
        sums[j] += vec4<f32>(dot(w0, x), dot(w1, x), dot(w2, x), dot(w3, x));
      }
    }
    workgroupBarrier();
  }
  for (var j = 0u; j < 4u; j++) {
    for (var i = 0u; i < 4u; i++) {
      write_result(first_row + column + 16u * i, first_token + line + 16u * j, sums[j][i]);
    }
  }
}
