// What scans of any kind share: parameters, bindings, and where a head finds what.
struct Params {
  heads : u32,
  key_heads : u32,
  key_vec4s : u32,
  value_dim : u32,
  stride : u32, // floats per row
  scalar_stride : u32,
  output_stride : u32,
  query : u32, // vec4s from the start of a row
  key : u32,
  value : u32, // floats
  step : u32,  // of the scalars
  beta : u32,
  step_bias : u32, // float indices in `vectors`
  decay : u32,
  skip : u32,
  eps : f32,
  scale : f32,
}

override InTurns : bool = false; // heads share keys in turns, else in runs
override HasSkip : bool = false;

@group(0) @binding(2) var<storage, read> vectors : array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> input : array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> scalars : array<f32>;

// What a row makes of a column: held = decay * held + added * key, and what it is answered.
struct Change {
  decay : f32,
  added : f32,
  result : f32,
}

fn vector(index : u32) -> f32 {
  return vectors[index / 4u][index % 4u];
}

fn key_head(head : u32) -> u32 {
  return select(head / (params.heads / params.key_heads), head % params.key_heads, InTurns);
}

fn value_at(row : u32, head : u32, column : u32) -> f32 {
  let index = row * params.stride + params.value + head * params.value_dim + column;
  return input[index / 4u][index % 4u];
}

fn softplus(x : f32) -> f32 {
  return select(log(1.0 + exp(min(x, 20.0))), x, x > 20.0);
}

fn step_of(row : u32, head : u32) -> f32 {
  return softplus(scalars[row * params.scalar_stride + params.step + head] + vector(params.step_bias + head));
}
