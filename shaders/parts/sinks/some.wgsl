// What the softmax of a head begins with, before all slots: maximum and total. A score that has no value (arXiv 2309.17453).
@group(0) @binding(1) var<storage, read> vectors : array<vec4<f32>>;

fn before_all(head : u32, sinks : u32) -> vec2<f32> {
  let index = sinks + head;
  return vec2<f32>(vectors[index / 4u][index % 4u], 1.0);
}
