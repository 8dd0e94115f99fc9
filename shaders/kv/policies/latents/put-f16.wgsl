// 4 numbers of a page of f16, as kv/f16.wgsl has them.
alias Restored = vec2<u32>;

fn restored4(x : vec4<f32>) -> Restored {
  let v = clamp(x, vec4<f32>(-65504.0), vec4<f32>(65504.0));
  return vec2<u32>(pack2x16float(v.xy), pack2x16float(v.zw));
}
