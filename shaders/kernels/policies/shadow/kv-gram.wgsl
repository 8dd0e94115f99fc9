// Products of all channels of `slots` keys with each other (kv-unturn.wgsl), added to what is there if `adds`: gram[channel][channel / 4], those up to the
// diagonal. A thread takes 4 x 4 of them, and sums 32 slots at a time, so that few numbers are added to a large one.
struct Params {
  slots : u32,
  adds : u32,
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(4) var<storage, read> unturned : array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> gram : array<vec4<f32>>;

const Together = 32u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3<u32>) {
  let u = id.x % RowVec4s;
  let v = id.x / RowVec4s;
  if (v >= RowVec4s || u > v) {
    return;
  }
  var sums = array<vec4<f32>, 4>();
  for (var first = 0u; first < params.slots; first += Together) {
    var some = array<vec4<f32>, 4>();
    for (var slot = first; slot < min(first + Together, params.slots); slot++) {
      let a = unturned[slot * RowVec4s + u];
      let b = unturned[slot * RowVec4s + v];
      for (var i = 0u; i < 4u; i++) {
        some[i] += b[i] * a;
      }
    }
    for (var i = 0u; i < 4u; i++) {
      sums[i] += some[i];
    }
  }
  for (var i = 0u; i < 4u; i++) {
    let at = (4u * v + i) * RowVec4s + u;
    gram[at] = select(sums[i], gram[at] + sums[i], params.adds == 1u);
  }
}
