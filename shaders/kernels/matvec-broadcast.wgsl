// As matvec-rows, but Lanes threads of a subgroup load the activations of a group together and each gets the others' by
// broadcast: memory is read a Lanes-th as often. No subgroup may be smaller than Lanes. No barriers.
enable subgroups;

const Tokens : u32 = 32u; // as many share what is unpacked: with 8 that is a third of all the work
const Panels : u32 = 4u;
const Loads : u32 = 8u / Lanes; // vec4 per thread, of the 8 of a group

// Four activations times the weights of each panel.
fn products(x : vec4<f32>, w : ptr<function, array<Group, Panels>>, i : u32) -> vec4<f32> {
  return vec4<f32>(dot((*w)[0][i], x), dot((*w)[1][i], x), dot((*w)[2][i], x), dot((*w)[3][i], x));
}

@compute @workgroup_size(PanelRows)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) lane : u32, @builtin(subgroup_invocation_id) id : u32) {
  let first_panel = workgroup.x * Panels;
  let first = workgroup.y * Tokens;
  let stride = params.stride / 4u;
  var sums = array<vec4<f32>, Tokens>(); // per panel
  for (var group = 0u; group < params.groups; group++) {
    var w : array<Group, Panels>;
    for (var p = 0u; p < Panels; p++) {
      let panel = min(first_panel + p, params.panels - 1u);
      var unpacked : Group;
      group_load(Row(panel * params.panel_words, lane, params.blocks), group, &unpacked);
      w[p] = unpacked;
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
  for (var t = 0u; t < Tokens; t++) {
    if (first + t >= state.rows) {
      break;
    }
    for (var p = 0u; p < Panels; p++) {
      write_result((first_panel + p) * PanelRows + lane, first + t, sums[t][p]);
    }
  }
}
