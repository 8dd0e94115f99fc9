// What values are divided by: the root of the largest of a channel (ZipCache, arXiv 2405.14256).
fn number4(at : u32, d : u32) -> vec4<f32> {
  return source_value4(at, d);
}

fn factor(largest : vec4<f32>, kv_head : u32, d : u32) -> vec4<f32> {
  return max(sqrt(largest), vec4<f32>(1e-6));
}
