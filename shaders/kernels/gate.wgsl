// output[t][i] = activate(input[t][i]) * input[t][up + i], or the activation alone
struct Params {
  cols : u32, // vec4s
  up : u32,   // vec4 index of the first up value in a row
  input_stride : u32,
  output_stride : u32,
  negative : f32,
  positive : f32,
  beta : f32,
  most : f32,
}

override Gate : u32 = 1u; // 1 SiLU, 2 GELU (tanh), 3 ReLU
override Alone : u32 = 0u; // in place of the gate: 1 squared ReLU, 2 xIELU

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read> state : State;
@group(0) @binding(4) var<storage, read> input : array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> output : array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) thread : vec3<u32>) {
  if (thread.x >= params.cols || thread.y >= state.rows) {
    return;
  }
  let start = thread.y * (params.input_stride / 4u) + thread.x;
  let gate = input[start];
  let place = thread.y * (params.output_stride / 4u) + thread.x;
  if (Alone != 0u) {
    let by = Xielu(params.negative, params.positive, params.beta, params.most);
    output[place] = vec4<f32>(
      activate_alone(gate.x, Alone, by), activate_alone(gate.y, Alone, by), activate_alone(gate.z, Alone, by), activate_alone(gate.w, Alone, by));
    return;
  }
  let up = input[start + params.up];
  output[place] =
    vec4<f32>(activate(gate.x, Gate), activate(gate.y, Gate), activate(gate.z, Gate), activate(gate.w, Gate)) * up;
}
