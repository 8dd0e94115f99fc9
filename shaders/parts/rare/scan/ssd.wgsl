// Mamba-2 (arXiv 2405.21060): S = exp(dt A) S + B (dt x), y = C S + D x.
fn change_of(row : u32, head : u32, column : u32, found : vec4<f32>, query_squared : f32) -> Change {
  let step = step_of(row, head);
  let decay = exp(step * vector(params.decay + head));
  let value = value_at(row, head, column);
  let added = step * value;
  var result = decay * found.y + added * found.z;
  if (HasSkip) {
    result += vector(params.skip + head) * value;
  }
  return Change(decay, added, result);
}
