// output[t] = input[t] / rms(input[t]) * weight, or added to output[t]. One workgroup per row of activations. `Center`: a LayerNorm, which
// subtracts the mean first, with or without bias.
struct Params {
  groups : u32, // vec4s per row
  input_stride : u32,
  output_stride : u32,
  norm : u32,   // vec4 index of the weights in `vectors`
  inverse_cols : f32,
  eps : f32,
  cols : u32,
  factor : f32,
  scale : u32, // float index in `vectors`
  bias : u32,  // vec4 index there
}

override Add : bool = false;
override Center : bool = false;
override HasBias : bool = false;
override Scaled : bool = false;   // by `factor` at last
override HasScale : bool = false; // and by a number among the vectors

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> vectors : array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> input : array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> output : array<vec4<f32>>;

// Four numbers of the row, less its mean; zeros behind its end stay.
fn centered(start : u32, i : u32, mean : f32) -> vec4<f32> {
  let value = input[start + i];
  if (!Center) {
    return value;
  }
  let inside = vec4<u32>(4u * i) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(params.cols);
  return select(vec4<f32>(), value - mean, inside);
}

@compute @workgroup_size(WorkgroupSize)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let start = workgroup.x * (params.input_stride / 4u);
  var mean = 0.0;
  if (Center) {
    var sum = 0.0; // zeros follow the row
    for (var i = local; i < params.groups; i += WorkgroupSize) {
      sum += dot(input[start + i], vec4<f32>(1.0));
    }
    mean = workgroup_sum(sum, local) * params.inverse_cols;
  }
  var squares = 0.0;
  for (var i = local; i < params.groups; i += WorkgroupSize) {
    let value = centered(start, i, mean);
    squares += dot(value, value);
  }
  let scale = inverseSqrt(workgroup_sum(squares, local) * params.inverse_cols + params.eps);
  for (var i = local; i < params.groups; i += WorkgroupSize) {
    let target_index = workgroup.x * (params.output_stride / 4u) + i;
    var value = centered(start, i, mean) * scale * vectors[params.norm + i];
    if (HasBias) {
      value += vectors[params.bias + i];
    }
    if (Add) {
      value += output[target_index];
    }
    if (Scaled) {
      value *= params.factor;
    }
    if (HasScale) {
      value *= vectors[params.scale / 4u][params.scale % 4u];
    }
    output[target_index] = value;
  }
}
