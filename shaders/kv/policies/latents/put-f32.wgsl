// 4 numbers of a page of f32, as kv/f32.wgsl has them.
alias Restored = vec4<f32>;

fn restored4(x : vec4<f32>) -> Restored {
  return x;
}
