// `values` from workgroup memory, as what reckons them bounds decode on many GPUs: sixteen words, each in a bank of its own.
var<workgroup> table : array<f32, 16>;

// Before a barrier that lies before the first of `values`.
fn fill_table(local : u32, threads : u32) {
  for (var code = local; code < 16u; code += threads) {
    table[code] = reckoned(code).x;
  }
}

fn values(codes : u32) -> vec4<f32> {
  return vec4<f32>(table[codes & 255u], table[(codes >> 8u) & 255u], table[(codes >> 16u) & 255u], table[codes >> 24u]);
}

