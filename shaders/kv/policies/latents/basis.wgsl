// What latents of a layer are made by, and what is made of them again (src/kv/latents/basis.ts): of keys, then of values, a row of all heads' channels for each
// latent, in order; then of each latent one over the square of its row's length, of keys, then of values; then what keys and values have besides.
@group(0) @binding(4) var<storage, read> basis : array<vec4<f32>>;

const Factors = 8u * RowVec4s * RowVec4s;

// Where the row of a latent begins: `part` 0 of keys, 1 of values.
fn row_of(part : u32, latent : u32) -> u32 {
  return (part * 4u * RowVec4s + latent) * RowVec4s;
}

fn factors4(part : u32, u : u32) -> vec4<f32> {
  return basis[Factors + part * RowVec4s + u];
}

fn bias4(part : u32, u : u32) -> vec4<f32> {
  return basis[Factors + (2u + part) * RowVec4s + u];
}
