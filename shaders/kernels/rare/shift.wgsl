// output[t] = input[t] + (input[t - 1] - input[t]) * weight, where the row before the first is `memory`, zeros where a step begins at
// position 0. A thread takes one number of one row; what keeps the state, one number of the last.
struct Params {
  width : u32,
  stride : u32,
  output_stride : u32,
  weight : u32, // float index in `vectors`
}

override Mixes : bool = true;
override Keeps : bool = false;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> vectors : array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> state : State;
@group(0) @binding(4) var<storage, read> input : array<f32>;
@group(0) @binding(5) var<storage, read_write> output : array<f32>;
@group(0) @binding(6) var<storage, read_write> memory : array<f32>; // (width)

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) thread : vec3<u32>) {
  let i = thread.x;
  let t = thread.y;
  if (i >= params.width || t >= state.rows || state.ended != 0u) {
    return;
  }
  if (Mixes) {
    let now = input[(state.first + t) * params.stride + i];
    var before = 0.0;
    if (t > 0u) {
      before = input[(state.first + t - 1u) * params.stride + i];
    } else if (state.position != 0u) {
      before = memory[i];
    }
    let index = params.weight + i;
    output[(state.first + t) * params.output_stride + i] = now + (before - now) * vectors[index / 4u][index % 4u];
  }
  if (Keeps) {
    memory[i] = input[(state.first + state.rows - 1u) * params.stride + i];
  }
}
