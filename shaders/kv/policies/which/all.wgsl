// Which slots are moved: `params.fresh` fresh ones behind all of the set. After where/list.wgsl.
fn kept_of(head : u32) -> vec2<u32> {
  let slots = lists[list_of(head) + 1u];
  return vec2<u32>(slots, slots + params.fresh);
}

fn kept_at(head : u32, n : u32) -> u32 {
  return n;
}
