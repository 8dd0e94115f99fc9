// Keys and values in f32, the exact path. Nothing is scaled.
alias Unit = vec4<f32>; // 4 dimensions of a head

const ScaleUnits : u32 = 0u; // units of a head behind those of its dimensions

fn scale_of(value : vec4<f32>, local : u32, first : u32, count : u32) -> f32 {
  return 1.0;
}

fn pack(value : vec4<f32>, scale : f32) -> Unit {
  return value;
}

fn pack_scale(scale : f32) -> Unit {
  return vec4<f32>(scale);
}

fn unpack(unit : Unit) -> vec4<f32> {
  return unit;
}

fn unpack_scale(unit : Unit) -> f32 {
  return 1.0;
}
