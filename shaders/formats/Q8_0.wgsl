// Q8_0. Planes per block of 64: 16 words of signed bytes (8 per group), 1 word scale | scale << 16.

fn scale_of(row : Row, group : u32) -> f32 {
  return half(word(row.panel + (row.blocks * 16u + (group >> 1u)) * PanelRows + row.lane) >> ((group & 1u) * 16u));
}

// Sign-extended rather than offset by 128, which would cost accuracy.
fn signed_bytes(value : u32) -> vec4<f32> {
  return vec4<f32>(bitcast<vec4<i32>>(vec4<u32>(value << 24u, value << 16u, value << 8u, value)) >> vec4<u32>(24u));
}

fn group_dot(row : Row, group : u32, x : ptr<function, array<vec4<f32>, 8>>, x_sum : vec2<f32>) -> f32 {
  let index = row.panel + (group * 2u * PanelRows + row.lane) * 4u;
  let first = words4(index);
  let second = words4(index + PanelRows * 4u);
  let sum = dot(signed_bytes(first.x), (*x)[0]) + dot(signed_bytes(first.y), (*x)[1])
    + dot(signed_bytes(first.z), (*x)[2]) + dot(signed_bytes(first.w), (*x)[3])
    + dot(signed_bytes(second.x), (*x)[4]) + dot(signed_bytes(second.y), (*x)[5])
    + dot(signed_bytes(second.z), (*x)[6]) + dot(signed_bytes(second.w), (*x)[7]);
  return scale_of(row, group) * sum;
}

fn group_load(row : Row, group : u32, w : ptr<function, array<vec4<f32>, 8>>) {
  let index = row.panel + (group * 2u * PanelRows + row.lane) * 4u;
  let first = words4(index);
  let second = words4(index + PanelRows * 4u);
  let scale = scale_of(row, group);
  (*w)[0] = signed_bytes(first.x) * scale;
  (*w)[1] = signed_bytes(first.y) * scale;
  (*w)[2] = signed_bytes(first.z) * scale;
  (*w)[3] = signed_bytes(first.w) * scale;
  (*w)[4] = signed_bytes(second.x) * scale;
  (*w)[5] = signed_bytes(second.y) * scale;
  (*w)[6] = signed_bytes(second.z) * scale;
  (*w)[7] = signed_bytes(second.w) * scale;
}
