// Chunks of `Each` slots, of as many runs each as they have, by what the product of the query with any of their keys is at most; of those in the coarse runs of
// `Coarse` slots that are best by their own bounds (LeoAM, arXiv 2506.20187). How many coarse runs are looked into lies behind each head's runs. Of each page
// the bounds of its chunks are known, `Known` units in all; the last of them are the least of a coarse run's keys in its first page, the largest in its second.
// After upper.wgsl.
const PerChunk = Each / Run;

var<workgroup> opened : u32;
var<private> is_fine : bool; // whether items are chunks by now

fn holds(kv_head : u32, local : u32) -> bool {
  return false;
}

fn items_of(count : u32) -> u32 {
  return (count + Each - 1u) / Each;
}

fn item_of(kv_head : u32, run : u32) -> u32 {
  return run / PerChunk;
}

// Where marks of coarse runs lie, behind the chunks.
fn coarse_at(kv_head : u32) -> u32 {
  return (kv_head * Rows + 1u) * params.room;
}

// Of a page's units, in order of pages.
fn known_at(page : u32, kv_head : u32) -> u32 {
  return (page * params.kv_heads + kv_head) * Known;
}

fn prepare(kv_head : u32, local : u32, at : u32, items : u32) {
  let runs = (items * Each + Coarse - 1u) / Coarse;
  let first = query_at(kv_head * Group);
  for (var i = local; i < runs; i += Threads) {
    let low = known_at(i * (Coarse / PageSlots), kv_head) + Known - HeadVec4s;
    keys[coarse_at(kv_head) + i] = key_of(upper(low, low + params.kv_heads * Known, first));
  }
  if (local == 0u) {
    let own = runs_at(kv_head);
    opened = picked[own.x + own.y - 1u];
  }
  is_fine = false;
  take(kv_head, coarse_at(kv_head), runs, workgroupUniformLoad(&opened), local);
  is_fine = true;
}

fn weight(kv_head : u32, item : u32) -> u32 {
  if (!is_fine) {
    return 1u;
  }
  return select(0u, PerChunk, keys[coarse_at(kv_head) + item * Each / Coarse] == 1u);
}

fn rank_key(kv_head : u32, item : u32, at : u32, count : u32) -> u32 {
  if (weight(kv_head, item) == 0u) {
    return 0u;
  }
  let slot = item * Each;
  let low = known_at(slot / PageSlots, kv_head) + slot % PageSlots / Each * 2u * HeadVec4s;
  return key_of(upper(low, low + HeadVec4s, query_at(kv_head * Group)));
}
