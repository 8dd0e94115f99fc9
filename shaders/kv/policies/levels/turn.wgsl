// How positions turn keys, as parts/turn.wgsl has it.
@group(0) @binding(8) var<storage, read> angles : array<vec2<f32>>; // cos, sin

const LowPositions = 256u; // of the low table

fn angle(position : u32, pair : u32) -> vec2<f32> {
  let a = angles[FirstAngle + (position % LowPositions) * (RopeDims / 2u) + pair];
  let b = angles[FirstAngle + (LowPositions + position / LowPositions) * (RopeDims / 2u) + pair];
  return vec2<f32>(a.x * b.x - a.y * b.y, a.y * b.x + a.x * b.y);
}
