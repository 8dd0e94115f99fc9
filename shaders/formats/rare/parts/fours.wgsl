// Types whose weights are points of a grid, four at a time.

@group(0) @binding(8) var<storage, read> points : array<u32>; // a byte per weight

// Eight weights as bytes, of two points.
fn eight(first : u32, second : u32, signs : u32) -> vec2<u32> {
  return vec2<u32>(with_signs(points[first], signs), with_signs(points[second], signs >> 4u));
}
