// Types whose weights are points of a grid, eight at a time, each moved by an eighth in all coordinates. Codes are in eighths.

@group(0) @binding(8) var<storage, read> points : array<vec2<u32>>; // a byte per weight: 0x88 + 8 * coordinate

// Eight weights as signed bytes. No byte borrows of the next, as all have their top bit set.
fn eight(index : u32, negative : bool) -> vec2<u32> {
  let less = select(0x07070707u, 0x09090909u, negative);
  return (points[index] - vec2<u32>(less)) ^ vec2<u32>(0x80808080u);
}
