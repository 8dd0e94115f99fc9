// Joins what attention.wgsl found in several segments: attended[first + t][head] = sum of the segments' sums, each weighted by
// its maximum, through the sum of their totals. A segment without slots has a total of 0. A thread takes 4 dimensions of a head.
struct Params {
  heads : u32,
  head_dim : u32,
  stride : u32, // floats per row of attended
  segments : u32,
  most_rows : u32, // that a segment has room for
  set_scale : f32, // what the logarithm of the sum of a set is multiplied by, where there is one (APE, arXiv 2502.05431)
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> state : State;
@group(0) @binding(3) var<storage, read> joined : array<vec4<f32>>; // (segment, t, head, HeadVec4s + 1): sums, then (max, total)
@group(0) @binding(4) var<storage, read_write> attended : array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) thread : vec3<u32>) {
  let d = thread.x % HeadVec4s;
  let head = thread.x / HeadVec4s;
  let t = thread.y;
  if (head >= params.heads || t >= state.rows) {
    return;
  }
  var largest = -1e30;
  var total = 0.0;
  var sum = vec4<f32>();
  for (var s = 0u; s < params.segments; s++) {
    let start = ((s * params.most_rows + t) * params.heads + head) * (HeadVec4s + 1u);
    var segment = joined[start + HeadVec4s];
    if (params.set_scale != 1.0 && s + 1u < params.segments && segment.y > 0.0) {
      segment.x += (params.set_scale - 1.0) * (segment.x + log(segment.y));
    }
    let before = largest;
    largest = max(largest, segment.x);
    let kept = exp(before - largest);
    let added = exp(segment.x - largest);
    total = kept * total + added * segment.y;
    sum = kept * sum + added * joined[start + d];
  }
  for (var i = 0u; i < 4u && d * 4u + i < params.head_dim; i++) {
    attended[(state.first + t) * params.stride + head * params.head_dim + d * 4u + i] = sum[i] / total;
  }
}
