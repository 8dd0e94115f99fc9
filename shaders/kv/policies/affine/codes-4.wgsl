// Codes of 4 bits, 8 to a word.
const Bits = 4u;
alias CodesOfGroup = array<u32, 4>;

// Of 4 channels, with `step` words between those of a head.
fn code4(first : u32, step : u32, d : u32) -> vec4<f32> {
  let codes = pages[first + (d / 2u) * step] >> (16u * (d % 2u));
  return vec4<f32>((vec4<u32>(codes) >> vec4<u32>(0u, 4u, 8u, 12u)) & vec4<u32>(15u));
}

// Puts the codes of 4 channels, the i-th of a group, among those of their group.
fn place(group : ptr<function, CodesOfGroup>, i : u32, codes : vec4<u32>) {
  (*group)[i / 2u] |= (codes.x | (codes.y << 4u) | (codes.z << 8u) | (codes.w << 12u)) << (16u * (i % 2u));
}
