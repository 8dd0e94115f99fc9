// The sixteen values of kvalues_iq4nl from codes 0 to 15: this polynomial is within 0.44 of all of them.
fn reckoned(codes : u32) -> vec4<f32> {
  let n = bytes(codes);
  return round((((0.001586 * n + 0.031086) * n - 1.3719) * n + 24.174) * n - 126.57);
}

