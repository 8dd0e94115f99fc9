// What the state of a head answered with mean 0 and deviation 1, times its weight, with its bias and what the token adds of itself, times the
// gate: RWKV-7's. A workgroup takes one head of one row.
struct Params {
  head_dim : u32,
  asked_stride : u32,
  answered_stride : u32,
  value_stride : u32,
  gate_stride : u32,
  output_stride : u32,
  bonus : u32, // float indices in `vectors`
  weight : u32,
  bias : u32,
}

const WorkgroupSize : u32 = 64u;
const Eps : f32 = 64e-5;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> vectors : array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> asked : array<f32>; // (row, head, 5, number): wkv-ask
@group(0) @binding(4) var<storage, read> answered : array<f32>;
@group(0) @binding(5) var<storage, read> values : array<f32>;
@group(0) @binding(6) var<storage, read> gate : array<f32>;
@group(0) @binding(7) var<storage, read_write> output : array<f32>;

var<workgroup> shares : array<vec2<f32>, WorkgroupSize>;
var<workgroup> squares : array<f32, WorkgroupSize>;

fn vector(index : u32) -> f32 {
  return vectors[index / 4u][index % 4u];
}

@compute @workgroup_size(WorkgroupSize)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let row = workgroup.y;
  let first = workgroup.x * params.head_dim;
  let own = row * params.answered_stride + first;
  let added = row * params.asked_stride + 5u * first + 2u * params.head_dim;
  let query = row * params.asked_stride + 5u * first + 4u * params.head_dim;
  var share = vec2<f32>(); // of the sum, and of what the token adds
  for (var i = local; i < params.head_dim; i += WorkgroupSize) {
    share += vec2<f32>(answered[own + i], asked[added + i] * asked[query + i] * vector(params.bonus + first + i));
  }
  shares[local] = share;
  workgroupBarrier();
  var sum = vec2<f32>();
  for (var i = 0u; i < WorkgroupSize; i++) {
    sum += shares[i];
  }
  let mean = sum.x / f32(params.head_dim);
  var square = 0.0;
  for (var i = local; i < params.head_dim; i += WorkgroupSize) {
    let away = answered[own + i] - mean;
    square += away * away;
  }
  squares[local] = square;
  workgroupBarrier();
  square = 0.0;
  for (var i = 0u; i < WorkgroupSize; i++) {
    square += squares[i];
  }
  let inverse = inverseSqrt(square / f32(params.head_dim) + Eps);
  for (var i = local; i < params.head_dim; i += WorkgroupSize) {
    let at = first + i;
    let normed = (answered[own + i] - mean) * inverse * vector(params.weight + at) + vector(params.bias + at);
    output[row * params.output_stride + at] = (normed + sum.y * values[row * params.value_stride + at]) * gate[row * params.gate_stride + at];
  }
}
