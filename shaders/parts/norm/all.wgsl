// The RMS norm of all query heads of a row as one, and of all key heads: weights (head, head_dim). Each workgroup sums up the row.
var<workgroup> shares : array<vec2<f32>, Threads>; // of the squares of queries, of keys

fn share_squares(start : u32, local : u32) {
  let queries = params.heads * params.head_dim;
  let both = queries + params.kv_heads * params.head_dim;
  var squares = vec2<f32>();
  for (var i = local; i < both; i += Threads) {
    let value = qkv[start + i];
    squares += select(vec2<f32>(0.0, value * value), vec2<f32>(value * value, 0.0), i < queries);
  }
  shares[local] = squares;
  workgroupBarrier();
}

fn first_weight(head : u32) -> u32 {
  return select(head - params.heads, head, head < params.heads) * params.head_dim;
}

fn mean_square(start : u32, head : u32) -> f32 {
  var squares = vec2<f32>();
  for (var i = 0u; i < Threads; i++) {
    squares += shares[i];
  }
  let mean = squares / (vec2<f32>(f32(params.heads), f32(params.kv_heads)) * f32(params.head_dim));
  return select(mean.y, mean.x, head < params.heads);
}
