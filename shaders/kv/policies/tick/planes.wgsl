// What is known of slots besides keys and values: words as (page, plane, slot of the page).
@group(0) @binding(6) var<storage, read_write> planes : array<u32>;

fn plane_at(page : u32, slot : u32, plane : u32) -> u32 {
  return (page / page_units() * params.planes + plane) * PageSlots + slot % PageSlots;
}
