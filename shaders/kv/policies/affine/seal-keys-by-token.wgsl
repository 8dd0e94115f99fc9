// The pairs of a page's keys, a slot to a thread.
fn seal_key_pairs(page : u32, local : u32, has_any : bool, sealed : bool) {
  for (var g = 0u; 32u * g < params.head_dim && sealed; g++) {
    var low = 0.0;
    var high = 0.0;
    for (var c = 32u * g; c < min(32u * g + 32u, params.head_dim); c++) {
      let x = unscaled_key(source_key4(sources[local], c / 4u), page, c / 4u)[c % 4u];
      low = select(min(low, x), x, c == 32u * g);
      high = select(max(high, x), x, c == 32u * g);
    }
    pages[page + KeyPairs + g * PageSlots + local] = pair_for(low, high);
  }
}

fn key_codes(page : u32, d : u32, slot : u32, key : vec4<f32>) -> vec4<u32> {
  let pair = unpack2x16float(pages[page + KeyPairs + (d / 8u) * PageSlots + slot]);
  return codes_of(key, vec4<f32>(pair.x), vec4<f32>(pair.y));
}
