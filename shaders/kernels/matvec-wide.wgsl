// As matvec-broadcast, for processors that reckon with vectors as wide as a subgroup and load each thread's number by itself: there a load costs
// as much as nine multiply-adds, so that each activation serves 8 rows of a thread, and each weight that is unpacked 64 tokens. A workgroup is
// no larger than it has to be: 64 rows, which divide most matrices, where four panels leave the last workgroup half empty. No barriers.
enable subgroups;

const Tokens : u32 = 64u;
const Each : u32 = 8u; // rows of a thread, which are `Threads` apart
const Threads : u32 = 8u;
const Loads : u32 = 8u / Lanes; // vec4 per thread, of the 8 of a group

@compute @workgroup_size(Threads)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) lane : u32, @builtin(subgroup_invocation_id) id : u32) {
  let first_row = workgroup.x * Each * Threads + lane;
  let first = workgroup.y * Tokens;
  let stride = params.stride / 4u;
  // An array for each row, so that all of them are read and written at the same place: with one of vectors each number has a place of its own.
  var sums = array<array<f32, Tokens>, Each>();
  for (var group = 0u; group < params.groups; group++) {
    var w : array<Group, Each>;
    for (var r = 0u; r < Each; r++) {
      let row = first_row + r * Threads;
      var unpacked : Group;
      group_load(Row(min(row / PanelRows, params.panels - 1u) * params.panel_words, row % PanelRows, params.blocks), group, &unpacked);
      w[r] = unpacked;
    }
    for (var t = 0u; t < Tokens; t++) {
      if (first + t >= state.rows) {
        break; // the same for all threads; read here, or llvmpipe unrolls the loop and compiles for 5 s
      }
      var x : array<vec4<f32>, Loads>;
      for (var i = 0u; i < Loads; i++) {
        x[i] = input[(first + t) * stride + group * 8u + i * Lanes + id % Lanes];
      }
      // Written out, since the lane of a broadcast is a constant.
      let x0 = subgroupBroadcast(x[0], 0u);
      let x1 = subgroupBroadcast(x[1u / Lanes], 1u % Lanes);
      let x2 = subgroupBroadcast(x[2u / Lanes], 2u % Lanes);
      let x3 = subgroupBroadcast(x[3u / Lanes], 3u % Lanes);
      let x4 = subgroupBroadcast(x[4u / Lanes], 4u % Lanes);
      let x5 = subgroupBroadcast(x[5u / Lanes], 5u % Lanes);
      let x6 = subgroupBroadcast(x[6u / Lanes], 6u % Lanes);
      let x7 = subgroupBroadcast(x[7u / Lanes], 7u % Lanes);
      for (var r = 0u; r < Each; r++) {
        let low = dot(w[r][0], x0) + dot(w[r][1], x1) + dot(w[r][2], x2) + dot(w[r][3], x3);
        sums[r][t] += low + (dot(w[r][4], x4) + dot(w[r][5], x5) + dot(w[r][6], x6) + dot(w[r][7], x7));
      }
    }
  }
  for (var t = 0u; t < Tokens; t++) {
    if (first + t >= state.rows) {
      break;
    }
    for (var r = 0u; r < Each; r++) {
      write_result(first_row + r * Threads, first + t, sums[r][t]);
    }
  }
}
