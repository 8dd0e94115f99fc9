// What the score of a slot is raised by that stands for several tokens: the ln of how many, in one of its planes.
const Biased = true;

fn bias_of(page : u32, slot : u32) -> f32 {
  return bitcast<f32>(planes[(page / page_units() * Planes + BiasPlane) * PageSlots + slot]);
}
