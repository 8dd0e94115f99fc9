// Types of codes from 0 up, a scale and a minimum for the first and for the last 16 weights of a group: their own file has
// `codes_of` and `scales_minimums`.

fn group_dot(row : Row, group : u32, x : ptr<function, Group>, x_sum : vec2<f32>) -> f32 {
  let sums = code_dots(codes_of(row, group), x);
  let scales = scales_minimums(row, group);
  return dot(scales.xy, sums) - dot(scales.zw, x_sum);
}

fn group_load(row : Row, group : u32, w : ptr<function, Group>) {
  let codes = codes_of(row, group);
  let scales = scales_minimums(row, group);
  (*w)[0] = bytes(codes.first.x) * scales.x - scales.z;
  (*w)[1] = bytes(codes.first.y) * scales.x - scales.z;
  (*w)[2] = bytes(codes.first.z) * scales.x - scales.z;
  (*w)[3] = bytes(codes.first.w) * scales.x - scales.z;
  (*w)[4] = bytes(codes.second.x) * scales.y - scales.w;
  (*w)[5] = bytes(codes.second.y) * scales.y - scales.w;
  (*w)[6] = bytes(codes.second.z) * scales.y - scales.w;
  (*w)[7] = bytes(codes.second.w) * scales.y - scales.w;
}
