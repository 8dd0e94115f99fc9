// output[row] += the sums of its splits, in their order; of a row's experts those of each, times their weights, in the order of choice.
struct Params {
  quads : u32,
  used : u32, // choices of a row
  chosen_stride : u32, // words per row
  output_stride : u32, // floats per row
}

const WorkgroupSize : u32 = 64u;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read> sums : array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> output : array<vec4<f32>>;

@compute @workgroup_size(WorkgroupSize)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let quad = workgroup.x * WorkgroupSize + local;
  if (quad >= params.quads) {
    return;
  }
  var all = vec4<f32>();
  for (var i = 0u; i < params.used; i++) {
    let choice = workgroup.y * params.used + i;
    var sum = vec4<f32>();
    for (var split = 0u; split < Splits; split++) {
      sum += sums[(choice * Splits + split) * params.quads + quad];
    }
    all += weight_of(choice) * sum;
  }
  output[workgroup.y * (params.output_stride / 4u) + quad] += all;
}
