// A page of the second of two layers that share directions (first.wgsl): its lengths alone. Directions are those of the same page of the first, which has the
// same slots.
const ScaleUnits : u32 = 1u;
const Values = PageSlots * KeyWords;
const LengthsAt = 0u;

@group(0) @binding(8) var<storage, read> beside : array<u32>; // the first one's pages

fn page_units() -> u32 {
  return PageSlots * (word_for(1u) + 1u);
}

// The first word of that page.
fn beside_of(page : u32) -> u32 {
  return page / page_units() * (Values + PageSlots * ValueWords + page_units());
}

fn beside_at(first : u32, step : u32, n : u32) -> f32 {
  return number_of(beside[first + word_for(n) * step], n);
}

fn key4(page : u32, d : u32, slot : u32) -> vec4<f32> {
  let at = beside_of(page) + slot;
  return vec4<f32>(
    beside_at(at, PageSlots, 4u * d), beside_at(at, PageSlots, 4u * d + 1u), beside_at(at, PageSlots, 4u * d + 2u), beside_at(at, PageSlots, 4u * d + 3u));
}

fn value4(page : u32, slot : u32, d : u32) -> vec4<f32> {
  let at = beside_of(page) + Values + slot * ValueWords;
  return vec4<f32>(beside_at(at, 1u, 4u * d), beside_at(at, 1u, 4u * d + 1u), beside_at(at, 1u, 4u * d + 2u), beside_at(at, 1u, 4u * d + 3u));
}
