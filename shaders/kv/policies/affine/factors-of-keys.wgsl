// Keys have factors (MiKV's balancer, arXiv 2402.18096). After factors.wgsl.
fn scaled_key(x : vec4<f32>, page : u32, d : u32) -> vec4<f32> {
  return x * factors(page, d);
}

fn unscaled_key(x : vec4<f32>, page : u32, d : u32) -> vec4<f32> {
  return x / factors(page, d);
}

fn scaled_value(x : vec4<f32>, page : u32, d : u32) -> vec4<f32> {
  return x;
}

fn unscaled_value(x : vec4<f32>, page : u32, d : u32) -> vec4<f32> {
  return x;
}
