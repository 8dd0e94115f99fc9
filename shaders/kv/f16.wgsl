// Keys and values as f16 pairs, on every adapter. Values beyond the f16 range are clamped, as packing them is undefined.
// Nothing is scaled.
alias Cached = vec2<u32>;

const CacheScales : u32 = 0u;

fn cache_scale(value : vec4<f32>, local : u32, first : u32, count : u32) -> f32 {
  return 1.0;
}

fn cache_pack(value : vec4<f32>, scale : f32) -> Cached {
  let v = clamp(value, vec4<f32>(-65504.0), vec4<f32>(65504.0));
  return vec2<u32>(pack2x16float(v.xy), pack2x16float(v.zw));
}

fn cache_pack_scale(scale : f32) -> Cached {
  return vec2<u32>();
}

fn cache_unpack(value : Cached) -> vec4<f32> {
  return vec4<f32>(unpack2x16float(value.x), unpack2x16float(value.y));
}

fn cache_unpack_scale(value : Cached) -> f32 {
  return 1.0;
}
