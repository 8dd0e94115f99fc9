// Numbers are read as they were made codes.
fn scaled_key(x : vec4<f32>, page : u32, d : u32) -> vec4<f32> {
  return x;
}

fn unscaled_key(x : vec4<f32>, page : u32, d : u32) -> vec4<f32> {
  return x;
}

fn scaled_value(x : vec4<f32>, page : u32, d : u32) -> vec4<f32> {
  return x;
}

fn unscaled_value(x : vec4<f32>, page : u32, d : u32) -> vec4<f32> {
  return x;
}
