// What is known of keys that are kept in low rank (ShadowKV, arXiv 2410.21465), after a format's file. summaries, by rows of 32 slots of all heads in order of
// pages: `RankVec4s` units of latents of each slot, and behind those the landmarks of each head, the means of each `Each` keys. books: of each latent what it
// adds to the keys of all heads, as they are before positions turn them, `RowVec4s` units; then of each head of each run which outlier it is, if it is one, and
// the keys of `Outliers` outliers as they were.
const Landmarks = PageSlots / Each * HeadVec4s;
const LatentsOfRow = RowVec4s / HeadVec4s * (Known - Landmarks);
const BookOfHead = Runs + Outliers * Each * HeadVec4s;

fn row_at(row : u32) -> u32 {
  return row * (RowVec4s / HeadVec4s) * Known;
}

// The first unit of a slot's latents.
fn latents_at(slot : u32) -> u32 {
  return row_at(slot / PageSlots) + slot % PageSlots * RankVec4s;
}

// The first unit of a run's landmark.
fn landmark_at(kv_head : u32, run : u32) -> u32 {
  let slot = run * Each;
  return row_at(slot / PageSlots) + LatentsOfRow + kv_head * Landmarks + slot % PageSlots / Each * HeadVec4s;
}

// The first unit of what a latent adds.
fn basis_at(latent : u32) -> u32 {
  return latent * RowVec4s;
}

fn outlier_at(kv_head : u32, run : u32) -> u32 {
  return 4u * RankVec4s * RowVec4s + kv_head * BookOfHead + run;
}

// The first unit of an outlier's key.
fn exact_at(kv_head : u32, outlier : u32, slot : u32) -> u32 {
  return outlier_at(kv_head, Runs) + (outlier * Each + slot) * HeadVec4s;
}

// Which outlier a run is, from 1 on; 0: it is none. `kept`: of how many of its slots, the first ones, the keys stayed as they were; those that filled it later
// are kept as any others. Numbers are exact in f16 too.
fn packed_outlier(outlier : u32, kept : u32) -> Unit {
  return pack(vec4<f32>(f32(outlier % 256u), f32(outlier / 256u), f32(kept), 0.0), 1.0);
}

fn kept_of(unit : Unit) -> u32 {
  return u32(unpack(unit).z);
}

fn outlier_of(unit : Unit) -> u32 {
  let parts = unpack(unit);
  return u32(parts.x) + 256u * u32(parts.y);
}
