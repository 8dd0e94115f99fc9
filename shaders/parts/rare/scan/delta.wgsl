// The gated delta net (arXiv 2412.06464) of queries and keys of length 1: S = exp(g) S, then S += k (beta (v - k S)), y = q S.
fn change_of(row : u32, head : u32, column : u32, found : vec4<f32>, query_squared : f32) -> Change {
  let decay = exp(step_of(row, head) * vector(params.decay + head));
  let beta = 1.0 / (1.0 + exp(-clamp(scalars[row * params.scalar_stride + params.beta + head], -80.0, 80.0)));
  let key_size = inverseSqrt(found.w + params.eps);
  let known = decay * found.x * key_size;
  let added = key_size * beta * (value_at(row, head, column) - known);
  let result = params.scale * inverseSqrt(query_squared + params.eps) * (decay * found.y + added * found.z);
  return Change(decay, added, result);
}
