// F16. One plane: 16 words per block of 32, two weights to a word.

// As `halves` in the prelude, for four numbers.
fn widen(magnitude : vec4<u32>, sign : vec4<u32>) -> vec4<f32> {
  let m = bitcast<vec4<f32>>((magnitude & vec4<u32>(0x0fffe000u)) + vec4<u32>(0x38000000u));
  let exact = min(m, 2.0 * m - vec4<f32>(6.103515625e-5));
  return bitcast<vec4<f32>>(bitcast<vec4<u32>>(exact) | (sign & vec4<u32>(0x80000000u)));
}

// Eight weights in the order of a row: words have the even ones below, the odd ones above.
struct Eight {
  a : vec4<f32>,
  b : vec4<f32>,
}

fn eight(index : u32) -> Eight {
  let words = words4(index);
  if (UnpackHalves) {
    return Eight(vec4<f32>(unpack2x16float(words.x), unpack2x16float(words.y)), vec4<f32>(unpack2x16float(words.z), unpack2x16float(words.w)));
  }
  let even = widen(words << vec4<u32>(13u), words << vec4<u32>(16u));
  let odd = widen(words >> vec4<u32>(3u), words);
  return Eight(vec4<f32>(even.x, odd.x, even.y, odd.y), vec4<f32>(even.z, odd.z, even.w, odd.w));
}

fn group_dot(row : Row, group : u32, x : ptr<function, Group>, x_sum : vec2<f32>) -> f32 {
  let index = row.panel + (group * 4u * PanelRows + row.lane) * 4u;
  let p = eight(index);
  let q = eight(index + PanelRows * 4u);
  let r = eight(index + PanelRows * 8u);
  let s = eight(index + PanelRows * 12u);
  return dot(p.a, (*x)[0]) + dot(p.b, (*x)[1]) + dot(q.a, (*x)[2]) + dot(q.b, (*x)[3])
    + dot(r.a, (*x)[4]) + dot(r.b, (*x)[5]) + dot(s.a, (*x)[6]) + dot(s.b, (*x)[7]);
}

fn group_load(row : Row, group : u32, w : ptr<function, Group>) {
  let index = row.panel + (group * 4u * PanelRows + row.lane) * 4u;
  let p = eight(index);
  let q = eight(index + PanelRows * 4u);
  let r = eight(index + PanelRows * 8u);
  let s = eight(index + PanelRows * 12u);
  (*w)[0] = p.a;
  (*w)[1] = p.b;
  (*w)[2] = q.a;
  (*w)[3] = q.b;
  (*w)[4] = r.a;
  (*w)[5] = r.b;
  (*w)[6] = s.a;
  (*w)[7] = s.b;
}
