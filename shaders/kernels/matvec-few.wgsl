// output[t][row] = dot(matrix[row], input[t]) (+ bias, add) for up to 8 rows of activations: as matvec, a thread takes one
// matrix row of a panel and every Splits-th group of 32 columns; it unpacks a group once for all rows of activations.

const Tokens : u32 = 8u;
const Four = vec4<u32>(0u, 1u, 2u, 3u);

const RowsEach = PanelRows; // of a workgroup

@compute @workgroup_size(PanelRows * Splits)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let lane = local % PanelRows;
  let split = local / PanelRows;
  let row = Row(workgroup.x * params.panel_words, lane, params.blocks);
  let tokens = min(state.rows, Tokens);
  let stride = params.stride / 4u;
  // Of tokens 0 to 3 and 4 to 7. In place of an array, whose places llvmpipe took 4 s to compile.
  var low = vec4<f32>();
  var high = vec4<f32>();
  for (var group = split; group < params.groups; group += Splits) {
    var w : Group;
    group_load(row, group, &w);
    for (var t = 0u; t < tokens; t++) {
      let start = t * stride + group * 8u;
      var sum = dot(w[0], input[start]);
      for (var i = 1u; i < 8u; i++) {
        sum += dot(w[i], input[start + i]);
      }
      let placed = select(vec4<f32>(), vec4<f32>(sum), vec4<u32>(t % 4u) == Four);
      if (t < 4u) {
        low += placed;
      } else {
        high += placed;
      }
    }
  }
  for (var t = 0u; t < tokens; t++) {
    let sums = select(high, low, t < 4u);
    let sum = split_sum(sums[t % 4u], lane, split);
    if (split == 0u) {
      write_result(workgroup.x * PanelRows + lane, t, sum);
    }
  }
}
