// Q4_0. Planes per block of 64: 8 words of nibbles (4 per group, low nibbles are weights 0 to 15), 1 word scale | scale << 16.

fn scale_of(row : Row, group : u32) -> f32 {
  return half(word(row.panel + (row.blocks * 8u + (group >> 1u)) * PanelRows + row.lane) >> ((group & 1u) * 16u));
}

fn group_dot(row : Row, group : u32, x : ptr<function, array<vec4<f32>, 8>>, x_sum : vec2<f32>) -> f32 {
  let nibbles = words4(row.panel + (group * PanelRows + row.lane) * 4u);
  let low = nibbles & vec4<u32>(0x0f0f0f0fu);
  let high = (nibbles >> vec4<u32>(4u)) & vec4<u32>(0x0f0f0f0fu);
  let sum = dot16(low, (*x)[0], (*x)[1], (*x)[2], (*x)[3]) + dot16(high, (*x)[4], (*x)[5], (*x)[6], (*x)[7]);
  return scale_of(row, group) * (sum - 8.0 * (x_sum.x + x_sum.y));
}

fn group_load(row : Row, group : u32, w : ptr<function, array<vec4<f32>, 8>>) {
  let nibbles = words4(row.panel + (group * PanelRows + row.lane) * 4u);
  let low = nibbles & vec4<u32>(0x0f0f0f0fu);
  let high = (nibbles >> vec4<u32>(4u)) & vec4<u32>(0x0f0f0f0fu);
  let scale = scale_of(row, group);
  (*w)[0] = (bytes(low.x) - 8.0) * scale;
  (*w)[1] = (bytes(low.y) - 8.0) * scale;
  (*w)[2] = (bytes(low.z) - 8.0) * scale;
  (*w)[3] = (bytes(low.w) - 8.0) * scale;
  (*w)[4] = (bytes(high.x) - 8.0) * scale;
  (*w)[5] = (bytes(high.y) - 8.0) * scale;
  (*w)[6] = (bytes(high.z) - 8.0) * scale;
  (*w)[7] = (bytes(high.w) - 8.0) * scale;
}
