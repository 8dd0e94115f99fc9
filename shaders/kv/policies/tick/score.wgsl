// The score of a key for a query that was kept: rows of `last_queries` go round, (position % queries, head, HeadVec4s). After a format's read.wgsl and
// bias/.
override Softcap : bool = false;

@group(0) @binding(3) var<storage, read> last_queries : array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> pages : array<Unit>;

// The first of the last `observed` queries, or of all since the tick before where that is 0.
fn first_query() -> u32 {
  return select(params.length - min(params.observed, params.length), params.since, params.observed == 0u);
}

fn score_of(position : u32, head : u32, page : u32, slot : u32) -> f32 {
  let start = ((position % params.queries) * params.heads + head) * HeadVec4s;
  var sum = 0.0;
  for (var d = 0u; d < params.head_vec4s; d++) {
    sum += dot(last_queries[start + d], key4(page, d, slot % 32u));
  }
  let score = sum * key_scale(page, slot % 32u) * params.scale;
  let bias = bias_of(page, slot % 32u);
  if (!Softcap) {
    return score + bias;
  }
  return params.softcap * tanh(clamp(score / params.softcap, -20.0, 20.0)) + bias;
}
