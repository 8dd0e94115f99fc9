// output = norm(input) * activation(gate), or norm(input * activation(gate)), or the product without a norm. A workgroup takes one
// group of numbers of one row; the norm is RMS over the group.
struct Params {
  width : u32, // of a group
  input_stride : u32,
  gate_stride : u32,
  output_stride : u32,
  first : u32,  // column of the input
  column : u32, // of the gate
  weight : u32, // float index in `vectors`
  eps : f32,
}

override Kind : u32 = 0u; // 0 SiLU, 1 sigmoid, 2 GELU (tanh)
override HasNorm : bool = false;
override Last : bool = false; // the norm follows the gate
override One : bool = false;  // one number is the gate of the whole row
override Own : bool = false;  // each group has weights of its own

const WorkgroupSize : u32 = 64u;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> vectors : array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> input : array<f32>;
@group(0) @binding(5) var<storage, read> gate : array<f32>;
@group(0) @binding(6) var<storage, read_write> output : array<f32>;

var<workgroup> shares : array<f32, WorkgroupSize>;

fn gate_at(row : u32, index : u32) -> f32 {
  let x = gate[row * params.gate_stride + params.column + select(index, 0u, One)];
  if (Kind == 2u) {
    return 0.5 * x * (1.0 + tanh(clamp(0.7978845608028654 * (x + 0.044715 * x * x * x), -20.0, 20.0)));
  }
  let sigmoid = 1.0 / (1.0 + exp(-clamp(x, -80.0, 80.0)));
  return select(x * sigmoid, sigmoid, Kind == 1u);
}

// What the norm is of.
fn before(row : u32, index : u32) -> f32 {
  let value = input[row * params.input_stride + params.first + index];
  if (HasNorm && Last) {
    return value * gate_at(row, index);
  }
  return value;
}

@compute @workgroup_size(WorkgroupSize)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let row = workgroup.y;
  let start = workgroup.x * params.width;
  var scale = 1.0;
  if (HasNorm) {
    var squares = 0.0;
    for (var i = local; i < params.width; i += WorkgroupSize) {
      let value = before(row, start + i);
      squares += value * value;
    }
    shares[local] = squares;
    workgroupBarrier();
    var sum = 0.0;
    for (var i = 0u; i < WorkgroupSize; i++) {
      sum += shares[i];
    }
    scale = inverseSqrt(sum / f32(params.width) + params.eps);
  }
  for (var i = local; i < params.width; i += WorkgroupSize) {
    var value = before(row, start + i) * scale;
    if (HasNorm) {
      let index = params.weight + i + select(0u, start, Own);
      value *= vectors[index / 4u][index % 4u];
    }
    if (!(HasNorm && Last)) {
      value *= gate_at(row, start + i);
    }
    output[row * params.output_stride + start + i] = value;
  }
}
