// The rest of a row of queries, key and value for attention to latents, each [rotated; latent]: what is rotated of the queries is
// copied, key and value are the latent after its RMS norm; what would be the value's rotated part is zero. A workgroup takes a row.
struct Params {
  heads : u32,
  latent_dim : u32,
  rotated_dim : u32,
  stride : u32,
  query_stride : u32,
  first : u32, // column of the queries' rotated parts
  output_stride : u32,
  weight : u32, // float index in `vectors`
  eps : f32,
}

const WorkgroupSize : u32 = 64u;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> vectors : array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> input : array<f32>;
@group(0) @binding(4) var<storage, read> queries : array<f32>;
@group(0) @binding(5) var<storage, read_write> output : array<f32>;

var<workgroup> shares : array<f32, WorkgroupSize>;

@compute @workgroup_size(WorkgroupSize)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let row = workgroup.x;
  let start = row * params.stride;
  let width = params.rotated_dim + params.latent_dim;
  let key = row * params.output_stride + params.heads * width;
  var squares = 0.0;
  for (var i = local; i < params.latent_dim; i += WorkgroupSize) {
    squares += input[start + i] * input[start + i];
  }
  shares[local] = squares;
  workgroupBarrier();
  var sum = 0.0;
  for (var i = 0u; i < WorkgroupSize; i++) {
    sum += shares[i];
  }
  let scale = inverseSqrt(sum / f32(params.latent_dim) + params.eps);
  for (var i = local; i < params.latent_dim; i += WorkgroupSize) {
    let index = params.weight + i;
    let value = input[start + i] * scale * vectors[index / 4u][index % 4u];
    output[key + params.rotated_dim + i] = value;
    output[key + width + params.rotated_dim + i] = value;
  }
  for (var i = local; i < params.rotated_dim; i += WorkgroupSize) {
    output[key + i] = input[start + params.latent_dim + i];
    output[key + width + i] = 0.0;
  }
  for (var i = local; i < params.heads * params.rotated_dim; i += WorkgroupSize) {
    let place = row * params.output_stride + i / params.rotated_dim * width + i % params.rotated_dim;
    output[place] = queries[row * params.query_stride + params.first + i];
  }
}
