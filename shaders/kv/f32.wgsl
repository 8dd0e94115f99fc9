// Keys and values in f32, the exact path. Nothing is scaled.
alias Cached = vec4<f32>;

const CacheScales : u32 = 0u;

fn cache_scale(value : vec4<f32>, local : u32, first : u32, count : u32) -> f32 {
  return 1.0;
}

fn cache_pack(value : vec4<f32>, scale : f32) -> Cached {
  return value;
}

fn cache_pack_scale(scale : f32) -> Cached {
  return vec4<f32>(scale);
}

fn cache_unpack(value : Cached) -> vec4<f32> {
  return value;
}

fn cache_unpack_scale(value : Cached) -> f32 {
  return 1.0;
}
