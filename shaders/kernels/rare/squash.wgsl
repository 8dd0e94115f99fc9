// output = tanh(output), or the sigmoid. A thread takes one number of one row. Both are clamped, as some GPUs return NaN for large numbers.
struct Params {
  width : u32,
  stride : u32,
}

override Tanh : bool = false;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(5) var<storage, read_write> output : array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) thread : vec3<u32>) {
  if (thread.x >= params.width) {
    return;
  }
  let place = thread.y * params.stride + thread.x;
  let x = output[place];
  output[place] = select(1.0 / (1.0 + exp(-clamp(x, -80.0, 80.0))), tanh(clamp(x, -20.0, 20.0)), Tanh);
}
