// Items by their shares of the attention that the query heads in the rows of `keys` would pay: softmax of each row, of the scores that are there.
var<workgroup> of_rows : array<vec2<f32>, Rows>;       // maximum, total
var<workgroup> of_threads : array<vec2<f32>, Threads>; // the same, of a thread's items

fn note_shares(at : u32, items : u32, local : u32) {
  for (var row = 0u; row < Rows; row++) {
    var own = vec2<f32>(-1e30, 0.0);
    for (var i = local; i < items; i += Threads) {
      let score = bitcast<f32>(keys[at + row * params.room + i]);
      let most = max(own.x, score);
      own = vec2<f32>(most, own.y * exp(own.x - most) + exp(score - most));
    }
    workgroupBarrier();
    of_threads[local] = own;
    for (var stride = Threads / 2u; stride > 0u; stride /= 2u) {
      workgroupBarrier();
      if (local < stride) {
        let a = of_threads[local];
        let b = of_threads[local + stride];
        let most = max(a.x, b.x);
        of_threads[local] = vec2<f32>(most, a.y * exp(a.x - most) + b.y * exp(b.x - most));
      }
    }
    if (local == 0u) {
      of_rows[row] = of_threads[0];
    }
  }
  workgroupBarrier();
}

fn share(at : u32, row : u32, item : u32) -> f32 {
  return exp(bitcast<f32>(keys[at + row * params.room + item]) - of_rows[row].x) / of_rows[row].y;
}
