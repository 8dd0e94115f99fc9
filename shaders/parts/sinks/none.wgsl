// What the softmax of a head begins with, before all slots: maximum and total. Nothing.
fn before_all(head : u32, sinks : u32) -> vec2<f32> {
  return vec2<f32>(-1e30, 0.0);
}
