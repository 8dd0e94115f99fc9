// F32. One plane: 32 words per block of 32.

fn quad(row : Row, group : u32, i : u32) -> vec4<f32> {
  return bitcast<vec4<f32>>(words4(row.panel + ((group * 8u + i) * PanelRows + row.lane) * 4u));
}

fn group_load(row : Row, group : u32, w : ptr<function, Group>) {
  (*w)[0] = quad(row, group, 0u);
  (*w)[1] = quad(row, group, 1u);
  (*w)[2] = quad(row, group, 2u);
  (*w)[3] = quad(row, group, 3u);
  (*w)[4] = quad(row, group, 4u);
  (*w)[5] = quad(row, group, 5u);
  (*w)[6] = quad(row, group, 6u);
  (*w)[7] = quad(row, group, 7u);
}

fn group_dot(row : Row, group : u32, x : ptr<function, Group>, x_sum : vec2<f32>) -> f32 {
  return dot(quad(row, group, 0u), (*x)[0]) + dot(quad(row, group, 1u), (*x)[1]) + dot(quad(row, group, 2u), (*x)[2]) + dot(quad(row, group, 3u), (*x)[3])
    + dot(quad(row, group, 4u), (*x)[4]) + dot(quad(row, group, 5u), (*x)[5]) + dot(quad(row, group, 6u), (*x)[6]) + dot(quad(row, group, 7u), (*x)[7]);
}
