// The small tensors of a section (norms, biases), for kernels that do without where an operation has none: what is bound costs each dispatch.
@group(0) @binding(10) var<storage, read> vectors : array<vec4<f32>>;

fn vector4(at : u32) -> vec4<f32> {
  return vectors[at];
}

fn vector(at : u32) -> f32 {
  return vectors[at / 4u][at % 4u];
}
