// BF16. One plane: 16 words per block of 32, two weights to a word; a weight is the upper half of an f32.

fn pair(first : u32, second : u32) -> vec4<f32> {
  return bitcast<vec4<f32>>(vec4<u32>(first << 16u, first & 0xffff0000u, second << 16u, second & 0xffff0000u));
}

fn group_dot(row : Row, group : u32, x : ptr<function, Group>, x_sum : vec2<f32>) -> f32 {
  let index = row.panel + (group * 4u * PanelRows + row.lane) * 4u;
  let a = words4(index);
  let b = words4(index + PanelRows * 4u);
  let c = words4(index + PanelRows * 8u);
  let d = words4(index + PanelRows * 12u);
  return dot(pair(a.x, a.y), (*x)[0]) + dot(pair(a.z, a.w), (*x)[1]) + dot(pair(b.x, b.y), (*x)[2]) + dot(pair(b.z, b.w), (*x)[3])
    + dot(pair(c.x, c.y), (*x)[4]) + dot(pair(c.z, c.w), (*x)[5]) + dot(pair(d.x, d.y), (*x)[6]) + dot(pair(d.z, d.w), (*x)[7]);
}

fn group_load(row : Row, group : u32, w : ptr<function, Group>) {
  let index = row.panel + (group * 4u * PanelRows + row.lane) * 4u;
  let a = words4(index);
  let b = words4(index + PanelRows * 4u);
  let c = words4(index + PanelRows * 8u);
  let d = words4(index + PanelRows * 12u);
  (*w)[0] = pair(a.x, a.y);
  (*w)[1] = pair(a.z, a.w);
  (*w)[2] = pair(b.x, b.y);
  (*w)[3] = pair(b.z, b.w);
  (*w)[4] = pair(c.x, c.y);
  (*w)[5] = pair(c.z, c.w);
  (*w)[6] = pair(d.x, d.y);
  (*w)[7] = pair(d.z, d.w);
}
