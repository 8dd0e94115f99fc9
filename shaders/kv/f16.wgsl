// Keys and values as f16 pairs, on every adapter. Values beyond the f16 range are clamped, as packing them is undefined.
// Nothing is scaled.
alias Unit = vec2<u32>; // 4 dimensions of a head

const ScaleUnits : u32 = 0u; // units of a head behind those of its dimensions

fn scale_of(value : vec4<f32>, local : u32, first : u32, count : u32) -> f32 {
  return 1.0;
}

fn pack(value : vec4<f32>, scale : f32) -> Unit {
  let v = clamp(value, vec4<f32>(-65504.0), vec4<f32>(65504.0));
  return vec2<u32>(pack2x16float(v.xy), pack2x16float(v.zw));
}

fn pack_scale(scale : f32) -> Unit {
  return vec2<u32>();
}

fn unpack(unit : Unit) -> vec4<f32> {
  return vec4<f32>(unpack2x16float(unit.x), unpack2x16float(unit.y));
}

fn unpack_scale(unit : Unit) -> f32 {
  return 1.0;
}
