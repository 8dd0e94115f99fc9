// F32. One plane: 32 words per block of 32.

fn group_load(row : Row, group : u32, w : ptr<function, array<vec4<f32>, 8>>) {
  for (var i = 0u; i < 8u; i++) {
    (*w)[i] = bitcast<vec4<f32>>(words4(row.panel + ((group * 8u + i) * PanelRows + row.lane) * 4u));
  }
}

fn group_dot(row : Row, group : u32, x : ptr<function, array<vec4<f32>, 8>>, x_sum : vec2<f32>) -> f32 {
  var sum = 0.0;
  for (var i = 0u; i < 8u; i++) {
    sum += dot(bitcast<vec4<f32>>(words4(row.panel + ((group * 8u + i) * PanelRows + row.lane) * 4u)), (*x)[i]);
  }
  return sum;
}
