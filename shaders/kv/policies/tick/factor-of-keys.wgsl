// What keys are divided by: more where they are larger, and where queries are smaller, by the root of either, so that what a rounding of keys does to
// scores is alike in all channels (MiKV's balancer, arXiv 2402.18096).
@group(0) @binding(3) var<storage, read> last_queries : array<vec4<f32>>; // (position % queries, head, HeadVec4s)

fn number4(at : u32, d : u32) -> vec4<f32> {
  return source_key4(at, d);
}

fn factor(largest : vec4<f32>, kv_head : u32, d : u32) -> vec4<f32> {
  let group = params.heads / params.kv_heads;
  var asked = vec4<f32>();
  for (var position = params.length - params.observed; position < params.length; position++) {
    for (var h = 0u; h < group; h++) {
      let row = (position % params.queries) * params.heads + kv_head * group + h;
      asked = max(asked, abs(last_queries[row * HeadVec4s + d]));
    }
  }
  return sqrt(max(largest, vec4<f32>(1e-6)) / max(asked, vec4<f32>(1e-6)));
}
