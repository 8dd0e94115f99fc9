// Latents of keys (kv-unturn.wgsl), of `slots` from slot `first` on: what lies along each row of the basis. A thread takes 4 of a slot. After a format's file,
// shadow/known.wgsl.
struct Params {
  first : u32,
  slots : u32,
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(4) var<storage, read> unturned : array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> summaries : array<Unit>;
@group(0) @binding(6) var<storage, read> books : array<Unit>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3<u32>) {
  let i = id.x % RankVec4s;
  let n = id.x / RankVec4s;
  if (n >= params.slots) {
    return;
  }
  var latents = vec4<f32>();
  for (var j = 0u; j < 4u; j++) {
    let row = basis_at(4u * i + j);
    for (var u = 0u; u < RowVec4s; u++) {
      latents[j] += dot(unturned[n * RowVec4s + u], unpack(books[row + u]));
    }
  }
  summaries[latents_at(params.first + n) + i] = pack(latents, 1.0);
}
