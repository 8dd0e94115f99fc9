// How many slots a row of the step sees of a set, all of whose slots are older than the step: those that a head has.
@group(0) @binding(7) var<storage, read> set_slots : array<u32>; // (kv head)

fn slots_seen(row : u32, kv_head : u32) -> u32 {
  return set_slots[kv_head];
}
