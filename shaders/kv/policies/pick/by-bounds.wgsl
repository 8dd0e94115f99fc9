// Runs by what the product of the query with any of their keys is at most, by the least and the largest of each dimension (Quest, arXiv 2406.10774), for
// each `Each` slots of a run and each head of the group; the largest counts. After upper.wgsl.
fn holds(kv_head : u32, local : u32) -> bool {
  return false;
}

fn items_of(count : u32) -> u32 {
  return (count + Run - 1u) / Run;
}

fn prepare(kv_head : u32, local : u32, at : u32, items : u32) {
}

fn weight(kv_head : u32, item : u32) -> u32 {
  return 1u;
}

fn item_of(kv_head : u32, run : u32) -> u32 {
  return run;
}

fn score(kv_head : u32, run : u32, at : u32, count : u32) -> f32 {
  let first = query_at(kv_head * Group);
  let end = min((run + 1u) * (Run / Each), (count + Each - 1u) / Each);
  var most = -1e30;
  for (var part = run * (Run / Each); part < end; part++) {
    let page = select(lists[lists[2u * kv_head] + part * Each / PageSlots], part * Each / PageSlots * params.kv_heads + kv_head, InOrder == 1u);
    let bounds = (page * (PageSlots / Each) + part % (PageSlots / Each)) * 2u * HeadVec4s;
    most = max(most, upper(bounds, bounds + HeadVec4s, first));
  }
  return most;
}
