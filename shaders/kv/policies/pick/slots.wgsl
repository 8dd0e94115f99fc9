// Items that are slots, each with the sum of its shares over the rows of `keys`. After shares.wgsl.
fn items_of(count : u32) -> u32 {
  return count;
}

fn weight(kv_head : u32, item : u32) -> u32 {
  return 1u;
}

fn item_of(kv_head : u32, run : u32) -> u32 {
  return run;
}

fn score(kv_head : u32, item : u32, at : u32, count : u32) -> f32 {
  var sum = 0.0;
  for (var row = 0u; row < Rows; row++) {
    sum += share(at, row, item);
  }
  return sum;
}
