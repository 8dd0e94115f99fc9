// A number of a fresh key before its position turned it. After turn.wgsl and from/page.wgsl.
fn unturned_key(at : u32, position : u32, c : u32) -> f32 {
  let x = source_key4(at, c / 4u)[c % 4u];
  if (c >= RopeDims) {
    return x;
  }
  let pairs = RopeDims / 2u;
  let second = select((c & 1u) == 1u, c >= pairs, Halves == 1u);
  let a = angle(position, select(c / 2u, c % pairs, Halves == 1u));
  let other = select(c ^ 1u, select(c + pairs, c - pairs, c >= pairs), Halves == 1u);
  let y = source_key4(at, other / 4u)[other % 4u];
  return (x * a.x + select(y, -y, second) * a.y) / (a.x * a.x + a.y * a.y);
}
