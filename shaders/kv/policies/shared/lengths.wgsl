// What keys and values of a slot are multiplied by. After first.wgsl or second.wgsl.
fn lengths_at(page : u32, slot : u32) -> u32 {
  return page + LengthsAt + slot * (word_for(1u) + 1u);
}

fn key_scale(page : u32, slot : u32) -> f32 {
  return number_at(lengths_at(page, slot), 1u, 0u);
}

fn value_scale(page : u32, slot : u32) -> f32 {
  return number_at(lengths_at(page, slot), 1u, 1u);
}
