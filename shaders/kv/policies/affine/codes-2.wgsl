// Codes of 2 bits, 16 to a word.
const Bits = 2u;
alias CodesOfGroup = array<u32, 2>;

// Of 4 channels, with `step` words between those of a head.
fn code4(first : u32, step : u32, d : u32) -> vec4<f32> {
  let codes = pages[first + (d / 4u) * step] >> (8u * (d % 4u));
  return vec4<f32>((vec4<u32>(codes) >> vec4<u32>(0u, 2u, 4u, 6u)) & vec4<u32>(3u));
}

// Puts the codes of 4 channels, the i-th of a group, among those of their group.
fn place(group : ptr<function, CodesOfGroup>, i : u32, codes : vec4<u32>) {
  (*group)[i / 4u] |= (codes.x | (codes.y << 2u) | (codes.z << 4u) | (codes.w << 6u)) << (8u * (i % 4u));
}
