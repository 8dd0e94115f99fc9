// Scores as the average of `width` neighbours in order of position, with zeros beyond the ends.
struct Params {
  kv_heads : u32,
  set_index : u32,
  fresh : u32, // all fresh slots
  most : u32,  // slots of a head that there is room for
  width : u32, // odd
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read> scores : array<f32>;         // (kv head, index)
@group(0) @binding(5) var<storage, read_write> smoothed : array<f32>; // (kv head, index)

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3<u32>) {
  let row = id.y * params.most;
  let count = candidates(id.y);
  if (id.x >= count) {
    return;
  }
  var sum = 0.0;
  for (var n = 0u; n < params.width; n++) {
    let near = id.x + n;
    if (near >= params.width / 2u && near - params.width / 2u < count) {
      sum += scores[row + near - params.width / 2u];
    }
  }
  smoothed[row + id.x] = sum / f32(params.width);
}
