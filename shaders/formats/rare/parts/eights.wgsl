// Types whose weights are points of a grid, eight at a time.

@group(0) @binding(8) var<storage, read> points : array<vec2<u32>>; // a byte per weight

// Eight weights as bytes.
fn eight(index : u32, signs : u32) -> vec2<u32> {
  let point = points[index];
  return vec2<u32>(with_signs(point.x, signs), with_signs(point.y, signs >> 4u));
}
