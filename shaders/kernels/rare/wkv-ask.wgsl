// What a head of RWKV-7 asks its state and adds to it, of one row: the key of length 1, that times its rate, the key that is added, the
// decay of each number, and the receptance. A workgroup takes one head of one row.
struct Params {
  head_dim : u32,
  receptance_stride : u32,
  key_stride : u32,
  decay_stride : u32,
  rate_stride : u32,
  output_stride : u32,
  key_scale : u32, // float indices in `vectors`
  key_rate : u32,
}

const WorkgroupSize : u32 = 64u;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> vectors : array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> receptance : array<f32>;
@group(0) @binding(4) var<storage, read> key : array<f32>;
@group(0) @binding(5) var<storage, read> decay : array<f32>;
@group(0) @binding(6) var<storage, read> rate : array<f32>;
@group(0) @binding(7) var<storage, read_write> output : array<f32>; // (row, head, 5, number)

var<workgroup> shares : array<f32, WorkgroupSize>;

fn vector(index : u32) -> f32 {
  return vectors[index / 4u][index % 4u];
}

fn sigmoid(x : f32) -> f32 {
  return 1.0 / (1.0 + exp(-clamp(x, -80.0, 80.0)));
}

@compute @workgroup_size(WorkgroupSize)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let row = workgroup.y;
  let first = workgroup.x * params.head_dim;
  let keys = row * params.key_stride + first;
  var squares = 0.0;
  for (var i = local; i < params.head_dim; i += WorkgroupSize) {
    let scaled = key[keys + i] * vector(params.key_scale + first + i);
    squares += scaled * scaled;
  }
  shares[local] = squares;
  workgroupBarrier();
  var sum = 0.0;
  for (var i = 0u; i < WorkgroupSize; i++) {
    sum += shares[i];
  }
  let inverse = 1.0 / max(sqrt(sum), 1e-12);
  let place = row * params.output_stride + 5u * first;
  for (var i = local; i < params.head_dim; i += WorkgroupSize) {
    let at = first + i;
    let own = key[keys + i];
    let unit = own * vector(params.key_scale + at) * inverse;
    let taken = sigmoid(rate[row * params.rate_stride + at]);
    output[place + i] = unit;
    output[place + params.head_dim + i] = unit * taken;
    output[place + 2u * params.head_dim + i] = own + (taken - 1.0) * own * vector(params.key_rate + at);
    output[place + 3u * params.head_dim + i] = exp(-0.606531 * sigmoid(decay[row * params.decay_stride + at]));
    output[place + 4u * params.head_dim + i] = receptance[row * params.receptance_stride + at];
  }
}
