// Q4_1. Planes per block of 32: 4 words of nibbles (low nibbles are weights 0 to 15), 1 word scale | minimum << 16.

fn scale_minimum(row : Row, group : u32) -> vec2<f32> {
  return halves(word(row.panel + row.blocks * 4u * PanelRows + group * PanelRows + row.lane));
}

fn group_dot(row : Row, group : u32, x : ptr<function, array<vec4<f32>, 8>>, x_sum : vec2<f32>) -> f32 {
  let nibbles = words4(row.panel + (group * PanelRows + row.lane) * 4u);
  let scale = scale_minimum(row, group);
  let low = nibbles & vec4<u32>(0x0f0f0f0fu);
  let high = (nibbles >> vec4<u32>(4u)) & vec4<u32>(0x0f0f0f0fu);
  let sum = dot(bytes(low.x), (*x)[0]) + dot(bytes(low.y), (*x)[1]) + dot(bytes(low.z), (*x)[2]) + dot(bytes(low.w), (*x)[3])
    + dot(bytes(high.x), (*x)[4]) + dot(bytes(high.y), (*x)[5]) + dot(bytes(high.z), (*x)[6]) + dot(bytes(high.w), (*x)[7]);
  return scale.x * sum + scale.y * (x_sum.x + x_sum.y);
}

fn group_load(row : Row, group : u32, w : ptr<function, array<vec4<f32>, 8>>) {
  let nibbles = words4(row.panel + (group * PanelRows + row.lane) * 4u);
  let scale = scale_minimum(row, group);
  let low = nibbles & vec4<u32>(0x0f0f0f0fu);
  let high = (nibbles >> vec4<u32>(4u)) & vec4<u32>(0x0f0f0f0fu);
  (*w)[0] = bytes(low.x) * scale.x + scale.y;
  (*w)[1] = bytes(low.y) * scale.x + scale.y;
  (*w)[2] = bytes(low.z) * scale.x + scale.y;
  (*w)[3] = bytes(low.w) * scale.x + scale.y;
  (*w)[4] = bytes(high.x) * scale.x + scale.y;
  (*w)[5] = bytes(high.y) * scale.x + scale.y;
  (*w)[6] = bytes(high.z) * scale.x + scale.y;
  (*w)[7] = bytes(high.w) * scale.x + scale.y;
}
