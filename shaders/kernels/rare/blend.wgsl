// output = output + (input - output) * sigmoid(gate). A thread takes one number of one row.
struct Params {
  width : u32,
  input_stride : u32,
  gate_stride : u32,
  output_stride : u32,
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read> gate : array<f32>;
@group(0) @binding(4) var<storage, read> input : array<f32>;
@group(0) @binding(5) var<storage, read_write> output : array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) thread : vec3<u32>) {
  let i = thread.x;
  if (i >= params.width) {
    return;
  }
  let place = thread.y * params.output_stride + i;
  let share = 1.0 / (1.0 + exp(-clamp(gate[thread.y * params.gate_stride + i], -80.0, 80.0)));
  output[place] += (input[thread.y * params.input_stride + i] - output[place]) * share;
}
