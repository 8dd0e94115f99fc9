// Q6_K. Planes per block of 256: 32 words of nibbles (4 per group, low nibbles are weights 0 to 15), 16 words of upper bit
// pairs (2 per group), 4 words of signed bytes (2 per group, each the factor of 16 weights), 1 word scale.

struct Codes {
  first : vec4<u32>,  // weights 0 to 15, four to a word
  second : vec4<u32>, // weights 16 to 31
}

fn codes_of(row : Row, group : u32) -> Codes {
  let nibbles = words4(row.panel + (group * PanelRows + row.lane) * 4u);
  let pairs = words4(row.panel + (row.blocks * 32u + (group >> 1u) * 4u) * PanelRows + row.lane * 4u);
  let upper = select(pairs.xy, pairs.zw, (group & 1u) != 0u);
  let a = vec4<u32>(upper.x << 4u, upper.x << 2u, upper.x, upper.x >> 2u) & vec4<u32>(0x30303030u);
  let b = vec4<u32>(upper.y << 4u, upper.y << 2u, upper.y, upper.y >> 2u) & vec4<u32>(0x30303030u);
  return Codes((nibbles & vec4<u32>(0x0f0f0f0fu)) | a, ((nibbles >> vec4<u32>(4u)) & vec4<u32>(0x0f0f0f0fu)) | b);
}

// The scales of the first and of the last 16 weights.
fn scales_of(row : Row, group : u32) -> vec2<f32> {
  let block = group >> 3u;
  let factors = word(row.panel + (row.blocks * 48u + block * 4u) * PanelRows + row.lane * 4u + ((group >> 1u) & 3u)) >> ((group & 1u) * 16u);
  let scale = half(word(row.panel + (row.blocks * 52u + block) * PanelRows + row.lane));
  return scale * vec2<f32>(bitcast<vec2<i32>>(vec2<u32>(factors << 24u, factors << 16u)) >> vec2<u32>(24u));
}

fn group_dot(row : Row, group : u32, x : ptr<function, array<vec4<f32>, 8>>, x_sum : vec2<f32>) -> f32 {
  let codes = codes_of(row, group);
  let first = dot16(codes.first, (*x)[0], (*x)[1], (*x)[2], (*x)[3]);
  let second = dot16(codes.second, (*x)[4], (*x)[5], (*x)[6], (*x)[7]);
  return dot(scales_of(row, group), vec2<f32>(first, second) - 32.0 * x_sum);
}

fn group_load(row : Row, group : u32, w : ptr<function, array<vec4<f32>, 8>>) {
  let codes = codes_of(row, group);
  let scales = scales_of(row, group);
  (*w)[0] = (bytes(codes.first.x) - 32.0) * scales.x;
  (*w)[1] = (bytes(codes.first.y) - 32.0) * scales.x;
  (*w)[2] = (bytes(codes.first.z) - 32.0) * scales.x;
  (*w)[3] = (bytes(codes.first.w) - 32.0) * scales.x;
  (*w)[4] = (bytes(codes.second.x) - 32.0) * scales.y;
  (*w)[5] = (bytes(codes.second.y) - 32.0) * scales.y;
  (*w)[6] = (bytes(codes.second.z) - 32.0) * scales.y;
  (*w)[7] = (bytes(codes.second.w) - 32.0) * scales.y;
}
