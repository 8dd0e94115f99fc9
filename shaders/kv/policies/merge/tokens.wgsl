// How many tokens slots stand for. After slots.wgsl.
@group(0) @binding(3) var<storage, read> planes : array<u32>; // of the set, (page, plane, slot)

fn tokens_of(place : Place) -> f32 {
  if (place.is_fresh) {
    return 1.0;
  }
  return exp(bitcast<f32>(planes[(place.page * params.planes + params.plane) * PageSlots + place.slot]));
}
