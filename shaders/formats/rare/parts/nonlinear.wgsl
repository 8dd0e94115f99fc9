// Types whose nibbles choose among sixteen unevenly spaced values, a scale per group. A group has four words of nibbles, the low ones
// of its first 16 weights. `values` are those of four codes, one in each byte.

fn group_dot(row : Row, group : u32, x : ptr<function, Group>, x_sum : vec2<f32>) -> f32 {
  let nibbles = words4(row.panel + (group * PanelRows + row.lane) * 4u);
  let low = nibbles & vec4<u32>(0x0f0f0f0fu);
  let high = (nibbles >> vec4<u32>(4u)) & vec4<u32>(0x0f0f0f0fu);
  let sum = dot(values(low.x), (*x)[0]) + dot(values(low.y), (*x)[1]) + dot(values(low.z), (*x)[2]) + dot(values(low.w), (*x)[3])
    + dot(values(high.x), (*x)[4]) + dot(values(high.y), (*x)[5]) + dot(values(high.z), (*x)[6]) + dot(values(high.w), (*x)[7]);
  return scale_of(row, group) * sum;
}

fn group_load(row : Row, group : u32, w : ptr<function, Group>) {
  let nibbles = words4(row.panel + (group * PanelRows + row.lane) * 4u);
  let low = nibbles & vec4<u32>(0x0f0f0f0fu);
  let high = (nibbles >> vec4<u32>(4u)) & vec4<u32>(0x0f0f0f0fu);
  let scale = scale_of(row, group);
  (*w)[0] = values(low.x) * scale;
  (*w)[1] = values(low.y) * scale;
  (*w)[2] = values(low.z) * scale;
  (*w)[3] = values(low.w) * scale;
  (*w)[4] = values(high.x) * scale;
  (*w)[5] = values(high.y) * scale;
  (*w)[6] = values(high.z) * scale;
  (*w)[7] = values(high.w) * scale;
}
