// output[t][row] = dot(matrix[row], input[t]) (+ bias, add) for some rows of activations at once: a thread takes a matrix
// row of each of 4 panels and 32 activation rows, so that each weight unpacked and each activation read is used several
// times. No barriers.

const Tokens : u32 = 32u;
const Panels : u32 = 4u;

@compute @workgroup_size(PanelRows)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) lane : u32) {
  let first = workgroup.y * Tokens;
  let stride = params.stride / 4u;
  var sums = array<array<f32, Tokens>, Panels>();
  for (var group = 0u; group < params.groups; group++) {
    var w : array<Group, Panels>;
    for (var p = 0u; p < Panels; p++) {
      let panel = min(workgroup.x * Panels + p, params.panels - 1u);
      var unpacked : Group;
      group_load(Row(panel * params.panel_words, lane, params.blocks), group, &unpacked);
      w[p] = unpacked;
    }
    let start = first * stride + group * 8u;
    for (var t = 0u; t < Tokens; t++) {
      if (first + t >= state.rows) {
        break; // the same for all threads; read here, or llvmpipe unrolls the loop and compiles for 5 s
      }
      for (var i = 0u; i < 8u; i++) {
        let x = input[start + t * stride + i];
        for (var p = 0u; p < Panels; p++) {
          sums[p][t] += dot(w[p][i], x);
        }
      }
    }
  }
  for (var t = 0u; t < Tokens; t++) {
    if (first + t >= state.rows) {
      break;
    }
    for (var p = 0u; p < Panels; p++) {
      write_result((workgroup.x * Panels + p) * PanelRows + lane, first + t, sums[p][t]);
    }
  }
}
