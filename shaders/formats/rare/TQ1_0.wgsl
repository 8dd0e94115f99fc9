// TQ1_0. Planes per block of 256: 12 words of five ternary digits a byte (of the first 8 words digit n is the weights of group n; of the
// last 4 digits 0 and 1 are group 5, 2 and 3 group 6, 4 the first half of group 7), 2 words: four digits a byte for the other half of
// group 7, four weights each; scale.

// A digit of each of the four bytes, less 1: the byte is a fraction of 256, and `power`, 3 to the digit's number, moves the point. Two
// bytes at a time, for room. No byte borrows of the next, as all have their top bit set.
fn digits(value : u32, power : u32) -> u32 {
  let even = (((((value & 0x00ff00ffu) * power) & 0x00ff00ffu) * 3u) >> 8u) & 0x00ff00ffu;
  let odd = (((((value >> 8u) & 0x00ff00ffu) * power) & 0x00ff00ffu) * 3u) & 0xff00ff00u;
  return ((even | odd | 0x80808080u) - 0x01010101u) ^ 0x80808080u;
}

fn digits4(values : vec4<u32>, powers : vec4<u32>) -> vec4<u32> {
  return vec4<u32>(digits(values.x, powers.x), digits(values.y, powers.y), digits(values.z, powers.z), digits(values.w, powers.w));
}

// 3 to the power of n, of 0 to 4.
fn power_of(n : u32) -> u32 {
  return select(select(1u, 3u, (n & 1u) != 0u) * select(1u, 9u, (n & 2u) != 0u), 81u, n == 4u);
}

// Chosen without branches, in which what another one has read would wait in registers.
fn codes_of(row : Row, group : u32) -> Codes {
  let block = group >> 3u;
  let n = group & 7u;
  let late = n >= 5u;
  let at = row.panel + (block * 3u * PanelRows + row.lane) * 4u;
  let first = words4(at + select(0u, PanelRows * 8u, late));
  let last = word(row.panel + (row.blocks * 12u + block * 2u) * PanelRows + row.lane);
  let second = select(words4(at + select(PanelRows * 4u, PanelRows * 8u, late)), vec4<u32>(last), n == 7u);
  let powers = select(vec4<u32>(power_of(select(n, 2u * n - 9u, late))), vec4<u32>(1u, 3u, 9u, 27u), n == 7u);
  return Codes(digits4(first, vec4<u32>(power_of(select(n, 2u * n - 10u, late)))), digits4(second, powers));
}

fn scale_of(row : Row, group : u32) -> f32 {
  return half(word(row.panel + (row.blocks * 12u + (group >> 3u) * 2u + 1u) * PanelRows + row.lane));
}
