// Eight chains of fused multiply-adds on vec4<f32> per thread, eight times `rounds` each: what the arithmetic gives.
// x -> x / 2 + 1 tends to 2.
@group(0) @binding(0) var<storage, read_write> results : array<f32>;
@group(0) @binding(1) var<uniform> rounds : u32;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) thread : vec3<u32>) {
  let half = vec4<f32>(0.5);
  let one = vec4<f32>(1.0);
  var a = vec4<f32>(f32(thread.x % 64u));
  var b = a + 1.0;
  var c = a + 2.0;
  var d = a + 3.0;
  var e = a + 4.0;
  var f = a + 5.0;
  var g = a + 6.0;
  var h = a + 7.0;
  for (var round = 0u; round < rounds; round++) {
    for (var i = 0u; i < 8u; i++) {  // of a fixed length, for compilers to unroll
      a = fma(a, half, one);
      b = fma(b, half, one);
      c = fma(c, half, one);
      d = fma(d, half, one);
      e = fma(e, half, one);
      f = fma(f, half, one);
      g = fma(g, half, one);
      h = fma(h, half, one);
    }
  }
  results[thread.x] = dot(a + b + c + d + e + f + g + h, one);
}
