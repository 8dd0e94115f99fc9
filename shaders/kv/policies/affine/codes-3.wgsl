// Codes of 3 bits: a word for each bit of 32 channels.
const Bits = 3u;
alias CodesOfGroup = array<u32, 3>;

const Channels = vec4<u32>(0u, 1u, 2u, 3u);

fn bits_of(word : u32, d : u32) -> vec4<u32> {
  return (vec4<u32>(word >> (4u * (d % 8u))) >> Channels) & vec4<u32>(1u);
}

// Of 4 channels, with `step` words between those of a head.
fn code4(first : u32, step : u32, d : u32) -> vec4<f32> {
  let at = first + 3u * (d / 8u) * step;
  return vec4<f32>(bits_of(pages[at], d) | (bits_of(pages[at + step], d) << vec4<u32>(1u)) | (bits_of(pages[at + 2u * step], d) << vec4<u32>(2u)));
}

// Puts the codes of 4 channels, the i-th of a group, among those of their group.
fn place(group : ptr<function, CodesOfGroup>, i : u32, codes : vec4<u32>) {
  for (var bit = 0u; bit < 3u; bit++) {
    let own = ((codes >> vec4<u32>(bit)) & vec4<u32>(1u)) << Channels;
    (*group)[bit] |= (own.x | own.y | own.z | own.w) << (4u * i);
  }
}
