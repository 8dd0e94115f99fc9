// output[row] += (or =) the outputs of the row's choices times their weights, in the order of choice, so that the sum is the same
// wherever each was computed.
struct Params {
  groups : u32,        // of 4 columns
  used : u32,
  chosen_stride : u32, // words per row: ids, then weights
  input_stride : u32,  // floats per choice
  output_stride : u32, // floats per row
}

override Add : bool = true;

const WorkgroupSize : u32 = 64u;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read> input : array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> chosen : array<u32>;
@group(0) @binding(5) var<storage, read_write> output : array<vec4<f32>>;

@compute @workgroup_size(WorkgroupSize)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let group = workgroup.x * WorkgroupSize + local;
  if (group >= params.groups) {
    return;
  }
  let row = workgroup.y;
  var sum = vec4<f32>();
  for (var i = 0u; i < params.used; i++) {
    let weight = bitcast<f32>(chosen[row * params.chosen_stride + params.used + i]);
    sum += weight * input[(row * params.used + i) * (params.input_stride / 4u) + group];
  }
  let place = row * (params.output_stride / 4u) + group;
  if (Add) {
    sum += output[place];
  }
  output[place] = sum;
}
