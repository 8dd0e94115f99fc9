// Q4_K. Planes per block of 256: 32 words of nibbles (4 per group, low nibbles are weights 0 to 15), 4 words of scales:
// scale | minimum << 16, then 6-bit factors of both: a byte of low nibbles per group (2 words), four upper bits per group (1).

// The scale and the minimum of a group.
fn scale_minimum(row : Row, group : u32) -> vec2<f32> {
  let header = words4(row.panel + (row.blocks * 32u + (group >> 3u) * 4u) * PanelRows + row.lane * 4u);
  let low = select(header.y, header.z, (group & 4u) != 0u) >> ((group & 3u) * 8u);
  let upper = header.w >> ((group & 7u) * 4u);
  let factors = vec2<u32>((low & 15u) | ((upper & 3u) << 4u), ((low >> 4u) & 15u) | ((upper & 12u) << 2u));
  return vec2<f32>(half(header.x), half(header.x >> 16u)) * vec2<f32>(factors);
}

fn group_dot(row : Row, group : u32, x : ptr<function, array<vec4<f32>, 8>>, x_sum : vec2<f32>) -> f32 {
  let nibbles = words4(row.panel + (group * PanelRows + row.lane) * 4u);
  let low = nibbles & vec4<u32>(0x0f0f0f0fu);
  let high = (nibbles >> vec4<u32>(4u)) & vec4<u32>(0x0f0f0f0fu);
  let sum = dot16(low, (*x)[0], (*x)[1], (*x)[2], (*x)[3]) + dot16(high, (*x)[4], (*x)[5], (*x)[6], (*x)[7]);
  let scale = scale_minimum(row, group);
  return scale.x * sum - scale.y * (x_sum.x + x_sum.y);
}

fn group_load(row : Row, group : u32, w : ptr<function, array<vec4<f32>, 8>>) {
  let nibbles = words4(row.panel + (group * PanelRows + row.lane) * 4u);
  let low = nibbles & vec4<u32>(0x0f0f0f0fu);
  let high = (nibbles >> vec4<u32>(4u)) & vec4<u32>(0x0f0f0f0fu);
  let scale = scale_minimum(row, group);
  (*w)[0] = bytes(low.x) * scale.x - scale.y;
  (*w)[1] = bytes(low.y) * scale.x - scale.y;
  (*w)[2] = bytes(low.z) * scale.x - scale.y;
  (*w)[3] = bytes(low.w) * scale.x - scale.y;
  (*w)[4] = bytes(high.x) * scale.x - scale.y;
  (*w)[5] = bytes(high.y) * scale.x - scale.y;
  (*w)[6] = bytes(high.z) * scale.x - scale.y;
  (*w)[7] = bytes(high.w) * scale.x - scale.y;
}
