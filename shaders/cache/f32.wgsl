// Keys and values in f32, the exact path.
alias Cached = vec4<f32>;

fn cache_pack(value : vec4<f32>) -> Cached {
  return value;
}

fn cache_unpack(value : Cached) -> vec4<f32> {
  return value;
}
