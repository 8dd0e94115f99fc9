// output[t] = input[t] / rms(input[t]) * weight, or added to output[t]. One workgroup per row of activations.
struct Params {
  groups : u32, // vec4s per row
  input_stride : u32,
  output_stride : u32,
  norm : u32,   // vec4 index of the weights in `vectors`
  inverse_cols : f32,
  eps : f32,
}

override Add : bool = false;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> vectors : array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> input : array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> output : array<vec4<f32>>;

@compute @workgroup_size(WorkgroupSize)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let start = workgroup.x * (params.input_stride / 4u);
  var squares = 0.0;
  for (var i = local; i < params.groups; i += WorkgroupSize) {
    squares += dot(input[start + i], input[start + i]);
  }
  let scale = inverseSqrt(workgroup_sum(squares, local) * params.inverse_cols + params.eps);
  for (var i = local; i < params.groups; i += WorkgroupSize) {
    let target_index = workgroup.x * (params.output_stride / 4u) + i;
    var value = input[start + i] * scale * vectors[params.norm + i];
    if (Add) {
      value += output[target_index];
    }
    output[target_index] = value;
  }
}
