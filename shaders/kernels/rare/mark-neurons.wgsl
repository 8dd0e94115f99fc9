// Which neurons are on: a bit each, of every row and of any of the rows. Empties the sums of the step, which `neurons` adds to. A workgroup
// takes 32 neurons of all rows.
struct Params {
  words : u32,  // of 32 neurons
  stride : u32, // floats per row of the input
  row_sums : u32, // vec4s per row
}

const WorkgroupSize : u32 = 64u;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> state : State;
@group(0) @binding(3) var<storage, read> input : array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> any_row : array<u32>;     // (words)
@group(0) @binding(5) var<storage, read_write> sums : array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> on_bits : array<u32>; // (rows, words)

var<workgroup> found : array<u32, WorkgroupSize>;

@compute @workgroup_size(WorkgroupSize)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let first = workgroup.x;
  var mine = 0u;
  for (var row = local; row < state.rows; row += WorkgroupSize) {
    let start = (row * params.stride) / 4u + first * 8u;
    var bits = 0u;
    for (var i = 0u; i < 8u; i++) {
      let on = vec4<u32>(1u, 2u, 4u, 8u) * vec4<u32>(input[start + i] != vec4<f32>());
      bits |= (on.x | on.y | on.z | on.w) << (4u * i);
    }
    on_bits[row * params.words + first] = bits;
    mine |= bits;
  }
  found[local] = mine;
  workgroupBarrier();
  if (local == 0u) {
    var all = 0u;
    for (var i = 0u; i < WorkgroupSize; i++) {
      all |= found[i];
    }
    any_row[first] = all;
  }
  for (var i = first * WorkgroupSize + local; i < state.rows * params.row_sums; i += params.words * WorkgroupSize) {
    sums[i] = vec4<f32>();
  }
}
