// A slot's share of a query's attention, of all segments, by what kv-totals.wgsl left. After score.wgsl.
fn probability(query : u32, position : u32, head : u32, page : u32, slot : u32) -> f32 {
  let score = score_of(position, head, page, slot);
  var sum = 0.0;
  for (var segment = 0u; segment < params.segments; segment++) {
    let total = totals[(segment * params.queries + query) * params.heads + head];
    sum += total.y * exp(min(total.x - score, 80.0));
  }
  return 1.0 / sum;
}
