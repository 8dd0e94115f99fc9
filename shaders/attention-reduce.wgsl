// Joins the splits of attention-decode.wgsl: attended[head] = sum of the splits' sums, each weighted by its maximum.
struct Params {
  heads : u32,
  head_dim : u32,
}

override Span : u32 = 128u; // positions per split

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> state : State;
@group(0) @binding(3) var<storage, read> partials : array<vec4<f32>>; // (split, head, HeadVec4s + 1)
@group(0) @binding(4) var<storage, read_write> attended : array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) thread : vec3<u32>) {
  let head = thread.x / HeadVec4s;
  let d = thread.x % HeadVec4s;
  if (head >= params.heads) {
    return;
  }
  let splits = state.position / Span + 1u;
  let next = params.heads * (HeadVec4s + 1u);
  let start = head * (HeadVec4s + 1u);
  var largest = -1e30;
  for (var s = 0u; s < splits; s++) {
    largest = max(largest, partials[start + s * next + HeadVec4s].x);
  }
  var sum = vec4<f32>();
  var total = 0.0;
  for (var s = 0u; s < splits; s++) {
    let split = partials[start + s * next + HeadVec4s];
    let weight = exp(split.x - largest);
    sum += weight * partials[start + s * next + d];
    total += weight * split.y;
  }
  for (var i = 0u; i < 4u && d * 4u + i < params.head_dim; i++) {
    attended[head * params.head_dim + d * 4u + i] = sum[i] / total;
  }
}
