// As matvec, for processors that reckon with vectors as wide as a subgroup and load each thread's number by itself: Lanes threads of a subgroup load
// the activations of a group together and each gets the others' by broadcast, and a thread has so many rows that what it got serves them all. A
// workgroup is no larger than it has to be. No subgroup may be smaller than Lanes. No barriers.
enable subgroups;

const Each : u32 = 8u; // rows of a thread, which are `Threads` apart; gated: half of them of the gate, half its up rows
const Threads : u32 = 8u;
const Loads : u32 = 8u / Lanes; // vec4 per thread, of the 8 of a group

fn row_at(row : u32, first_panel : u32) -> Row {
  let panel = first_panel + min(row / PanelRows, params[Slot].panels - 1u);
  return Row(params[Slot].first + panel * params[Slot].panel_words, row % PanelRows, params[Slot].blocks);
}

@compute @workgroup_size(Threads)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) lane : u32, @builtin(subgroup_invocation_id) id : u32) {
  let results = select(Each, Each / 2u, Gate != 0u);
  let first_row = workgroup.x * results * Threads + lane;
  // From each of the first four rows to one of the others, or to its up row.
  let beside = select(4u * Threads, 0u, Gate != 0u);
  let up_panels = select(0u, params[Slot].up_panels, Gate != 0u);
  let start = row_of_input() * (params[Slot].stride / 4u);
  var low = vec4<f32>(); // the sums of the first four rows, and of the others or the up rows
  var high = vec4<f32>();
  var squares = 0.0; // of what this thread loads
  for (var group = 0u; group < params[Slot].groups; group++) {
    var own : array<vec4<f32>, Loads>;
    for (var i = 0u; i < Loads; i++) {
      let at = group * 8u + i * Lanes + id % Lanes;
      own[i] = input[start + at];
      if (HasNorm) {
        squares += dot(own[i], own[i]);
        own[i] *= vector4(params[Slot].norm + at);
      }
    }
    // Written out, since the lane of a broadcast is a constant.
    var x : Group;
    x[0] = subgroupBroadcast(own[0], 0u);
    x[1] = subgroupBroadcast(own[1u / Lanes], 1u % Lanes);
    x[2] = subgroupBroadcast(own[2u / Lanes], 2u % Lanes);
    x[3] = subgroupBroadcast(own[3u / Lanes], 3u % Lanes);
    x[4] = subgroupBroadcast(own[4u / Lanes], 4u % Lanes);
    x[5] = subgroupBroadcast(own[5u / Lanes], 5u % Lanes);
    x[6] = subgroupBroadcast(own[6u / Lanes], 6u % Lanes);
    x[7] = subgroupBroadcast(own[7u / Lanes], 7u % Lanes);
    let x_sum = sums_of(&x);
    // A bound that no compiler knows, or some unroll the loop and compile for seconds. The sums go round, so that each has its place in turn: a place
    // that is told by the loop costs such a processor a load and a store for each thread.
    for (var r = 0u; r < 4u + (params[Slot].stride >> 31u); r++) {
      let row = first_row + r * Threads;
      low = vec4<f32>(low.yzw, low.x + group_dot(row_at(row, 0u), group, &x, x_sum));
      high = vec4<f32>(high.yzw, high.x + group_dot(row_at(row + beside, up_panels), group, &x, x_sum));
    }
  }
  var scale = 1.0;
  if (HasNorm) {
    var total = 0.0;
    for (var i = 0u; i < Lanes; i++) {
      total += subgroupShuffle(squares, i);
    }
    scale = inverseSqrt(total * params[Slot].inverse_cols + params[Slot].eps);
  }
  low *= scale;
  high *= scale;
  for (var r = 0u; r < 4u; r++) {
    write_result(first_row + r * Threads, low[r], high[r]);
  }
  if (Gate == 0u) {
    for (var r = 0u; r < 4u; r++) {
      write_result(first_row + (r + 4u) * Threads, high[r], 1.0);
    }
  }
}
