// The keys, or values, of eight positions, read by each thread for itself.
alias Eight = array<vec4<f32>, 8>;

fn share_of_reads() -> u32 {
  return 0u; // all
}

fn eight_keys(at : u32, stride : u32, lane : u32) -> Eight {
  return Eight(
    cache_unpack(keys[at]), cache_unpack(keys[at + stride]), cache_unpack(keys[at + 2u * stride]), cache_unpack(keys[at + 3u * stride]),
    cache_unpack(keys[at + 4u * stride]), cache_unpack(keys[at + 5u * stride]), cache_unpack(keys[at + 6u * stride]), cache_unpack(keys[at + 7u * stride]));
}

// sum * fade + the first `count` values times their weights in a, then b. One position after the other: with all eight
// written out for each part of a head, llvmpipe took 20 s to compile.
fn add_values(sum : ptr<function, Sum>, fade : f32, at : u32, stride : u32, count : u32, a : vec4<f32>, b : vec4<f32>, lane : u32) {
  for (var d = 0u; d < HeadVec4s; d++) {
    (*sum)[d] *= fade;
  }
  var first = a;
  var rest = b;
  for (var i = 0u; i < count; i++) {
    for (var d = 0u; d < HeadVec4s; d++) {
      (*sum)[d] += first.x * cache_unpack(values[at + i * stride + d]);
    }
    first = vec4<f32>(first.yzw, rest.x);
    rest = rest.yzwx;
  }
}
