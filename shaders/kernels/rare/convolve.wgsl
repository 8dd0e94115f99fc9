// A causal convolution of every channel for itself: its state, `memory`, is the last width - 1 inputs, the oldest first, which
// count as zeros where a step begins at position 0. A thread takes one channel of one row; with the state, one channel.
struct Params {
  channels : u32,
  width : u32,
  first : u32,  // column of the input
  before : u32, // of what multiplies the input
  after : u32,  // of what multiplies the output
  stride : u32,
  output_stride : u32,
  weight : u32, // float index in `vectors`: (channel, width)
  bias : u32,
}

override Part : u32 = 0u; // 0: output and state, of one row; 1: the output; 2: the state
override Gated : bool = false;
override HasBias : bool = false;
override Silu : bool = false;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> vectors : array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> state : State;
@group(0) @binding(4) var<storage, read> input : array<f32>;
@group(0) @binding(5) var<storage, read_write> output : array<f32>;
@group(0) @binding(6) var<storage, read_write> memory : array<f32>; // (width - 1, channels)

fn vector(index : u32) -> f32 {
  return vectors[index / 4u][index % 4u];
}

// The input `back` rows before the row `t` of the step.
fn input_at(t : u32, back : u32, channel : u32) -> f32 {
  if (back > t) {
    let kept = memory[(params.width - 1u + t - back) * params.channels + channel];
    return select(kept, 0.0, state.position == 0u);
  }
  let row = (state.first + t - back) * params.stride;
  var value = input[row + params.first + channel];
  if (Gated) {
    value *= input[row + params.before + channel];
  }
  return value;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) thread : vec3<u32>) {
  let channel = thread.x;
  let t = thread.y;
  if (channel >= params.channels || t >= state.rows || state.ended != 0u) {
    return;
  }
  if (Part != 2u) {
    var sum = 0.0;
    if (HasBias) {
      sum = vector(params.bias + channel);
    }
    for (var j = 0u; j < params.width; j++) {
      sum += vector(params.weight + channel * params.width + j) * input_at(t, params.width - 1u - j, channel);
    }
    if (Silu) {
      sum = sum / (1.0 + exp(-clamp(sum, -80.0, 80.0)));
    }
    if (Gated) {
      sum *= input[(state.first + t) * params.stride + params.after + channel];
    }
    output[(state.first + t) * params.output_stride + channel] = sum;
  }
  if (Part != 1u) {
    // In ascending order, as what is read of the state lies behind what is written.
    for (var i = 0u; i + 1u < params.width; i++) {
      memory[i * params.channels + channel] = input_at(state.rows - 1u, params.width - 2u - i, channel);
    }
  }
}
