// F16. One plane: 16 words per block of 32, two weights to a word.

// f16 bits, shifted to where f32 has them and with its exponent's offset, and the sign. In integers, because
// unpack2x16float may flush subnormals. A subnormal comes out as 2^-15 * (1 + fraction), which 2 * m - 2^-14 puts
// right; for all others that is the larger number.
fn widen(magnitude : vec4<u32>, sign : vec4<u32>) -> vec4<f32> {
  let m = bitcast<vec4<f32>>((magnitude & vec4<u32>(0x0fffe000u)) + vec4<u32>(0x38000000u));
  let exact = min(m, 2.0 * m - vec4<f32>(6.103515625e-5));
  return bitcast<vec4<f32>>(bitcast<vec4<u32>>(exact) | (sign & vec4<u32>(0x80000000u)));
}

// Eight weights of four words: the even ones, the odd ones.
fn evens(words : vec4<u32>) -> vec4<f32> {
  return widen(words << vec4<u32>(13u), words << vec4<u32>(16u));
}

fn odds(words : vec4<u32>) -> vec4<f32> {
  return widen(words >> vec4<u32>(3u), words);
}

fn dot8(words : vec4<u32>, a : vec4<f32>, b : vec4<f32>) -> f32 {
  return dot(evens(words), vec4<f32>(a.xz, b.xz)) + dot(odds(words), vec4<f32>(a.yw, b.yw));
}

fn group_dot(row : Row, group : u32, x : ptr<function, array<vec4<f32>, 8>>, x_sum : vec2<f32>) -> f32 {
  let index = row.panel + (group * 4u * PanelRows + row.lane) * 4u;
  return dot8(words4(index), (*x)[0], (*x)[1]) + dot8(words4(index + PanelRows * 4u), (*x)[2], (*x)[3])
    + dot8(words4(index + PanelRows * 8u), (*x)[4], (*x)[5]) + dot8(words4(index + PanelRows * 12u), (*x)[6], (*x)[7]);
}

fn group_load(row : Row, group : u32, w : ptr<function, array<vec4<f32>, 8>>) {
  for (var i = 0u; i < 4u; i++) {
    let words = words4(row.panel + ((group * 4u + i) * PanelRows + row.lane) * 4u);
    let even = evens(words);
    let odd = odds(words);
    (*w)[2u * i] = vec4<f32>(even.x, odd.x, even.y, odd.y);
    (*w)[2u * i + 1u] = vec4<f32>(even.z, odd.z, even.w, odd.w);
  }
}
