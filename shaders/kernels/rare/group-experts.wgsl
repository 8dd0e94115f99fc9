// The choices of all rows of a step, ordered by expert: choice i of row r is r * used + i. So each expert's weights are read for
// all the rows that chose it.
struct Params {
  experts : u32,
  used : u32,
  chosen_stride : u32, // words per row
}

const WorkgroupSize : u32 = 64u;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read> state : State;
@group(0) @binding(4) var<storage, read> chosen : array<u32>;
@group(0) @binding(5) var<storage, read_write> order : array<u32>;
@group(0) @binding(6) var<storage, read_write> starts : array<u32>;

var<workgroup> counts : array<u32, MostExperts>;

@compute @workgroup_size(WorkgroupSize)
fn main(@builtin(local_invocation_index) local : u32) {
  for (var e = local; e < params.experts; e += WorkgroupSize) {
    var count = 0u;
    for (var row = 0u; row < state.rows; row++) {
      for (var i = 0u; i < params.used; i++) {
        count += select(0u, 1u, chosen[row * params.chosen_stride + i] == e);
      }
    }
    counts[e] = count;
  }
  workgroupBarrier();
  for (var e = local; e < params.experts; e += WorkgroupSize) {
    var next = 0u;
    for (var before = 0u; before < e; before++) {
      next += counts[before];
    }
    starts[e] = next;
    if (e + 1u == params.experts) {
      starts[params.experts] = next + counts[e];
    }
    for (var row = 0u; row < state.rows; row++) {
      for (var i = 0u; i < params.used; i++) {
        if (chosen[row * params.chosen_stride + i] == e) {
          order[next] = row * params.used + i;
          next++;
        }
      }
    }
  }
}
