// output[i] = input[rows[i]]: gathers chosen rows of activations. An invocation for each four numbers of a row.
struct Params {
  groups : u32,  // of four numbers per row
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(1) var<storage, read> rows : array<u32>;
@group(0) @binding(2) var<storage, read> input : array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> output : array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3<u32>) {
  if (id.x < params.groups) {
    output[id.y * params.groups + id.x] = input[rows[id.y] * params.groups + id.x];
  }
}
