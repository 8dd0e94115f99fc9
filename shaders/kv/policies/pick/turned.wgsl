// Four numbers of a key or a query as positions turn them, or as they were before. After levels/turn.wgsl.

// Of which four numbers those are that they are turned with.
fn partner(d : u32) -> u32 {
  let half = RopeDims / 8u;
  return select(d, select(d + half, d - half, d >= half), Halves == 1u);
}

// `other`: those of the partner; `sign`: 1.0, or -1.0 to turn them back. Angles carry the magnitude that some ropes give what they turn (YaRN, LongRoPE): what
// is turned back has it no more.
fn turned4(own : vec4<f32>, other : vec4<f32>, d : u32, position : u32, sign : f32) -> vec4<f32> {
  let half = RopeDims / 8u;
  let beside = select(other, own.yxwz, Halves == 0u);
  var result = own;
  for (var i = 0u; i < 4u && 4u * d + i < RopeDims; i++) {
    let a = angle(position, select(2u * d + i / 2u, 4u * (d % max(half, 1u)) + i, Halves == 1u));
    let is_second = select(i % 2u == 1u, d >= half, Halves == 1u);
    let turned = own[i] * a.x + select(-beside[i], beside[i], is_second) * a.y * sign;
    result[i] = turned / select(1.0, a.x * a.x + a.y * a.y, sign < 0.0);
  }
  return result;
}
