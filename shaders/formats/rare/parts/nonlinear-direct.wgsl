fn values(codes : u32) -> vec4<f32> {
  return reckoned(codes);
}

