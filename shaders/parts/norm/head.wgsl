// The RMS norm of queries and keys, of each head for itself: weights (head_dim).
fn share_squares(start : u32, local : u32) {
}

fn first_weight(head : u32) -> u32 {
  return 0u;
}

// Of the head that starts at `start`.
fn mean_square(start : u32, head : u32) -> f32 {
  var squares = 0.0;
  for (var d = 0u; d < params.head_dim; d++) {
    squares += qkv[start + d] * qkv[start + d];
  }
  return squares / f32(params.head_dim);
}
