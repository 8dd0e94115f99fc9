// Where the page of a slot begins of the set that a layer picks from, and which of its slots are read: the first `First`, the runs of `Run` that
// kv-pick.wgsl has listed, and all from `tail` on.
// A head has:
struct Picks {
  wanted : u32, // how much is to be chosen, as a tick says it: runs
  tail : u32,   // the first slot behind those that are chosen from
  seen : u32,   // slots that are read
  listed : u32, // runs that were chosen
}

@group(0) @binding(7) var<storage, read> lists : array<u32>;  // as where/list.wgsl has them, of one set
@group(0) @binding(8) var<storage, read> picked : array<u32>; // (kv head): Picks, then (kv head): its runs, ascending, and what else kv-pick.wgsl keeps

fn page_of(slot : u32, kv_head : u32) -> u32 {
  return lists[lists[2u * kv_head] + slot / PageSlots] * page_units();
}

// The slot of the n-th that is read.
fn slot_of(n : u32, kv_head : u32) -> u32 {
  if (n < First) {
    return n;
  }
  let i = n - First;
  let of_runs = picked[4u * kv_head + 3u] * Run;
  if (i >= of_runs) {
    return picked[4u * kv_head + 1u] + i - of_runs;
  }
  let each = (arrayLength(&picked) - 4u * params.kv_heads) / params.kv_heads;
  return First + picked[4u * params.kv_heads + kv_head * each + i / Run] * Run + i % Run;
}
