// The pairs of a page's keys, a channel to a thread, over all of its slots.
fn seal_key_pairs(page : u32, local : u32, has_any : bool, sealed : bool) {
  for (var c = local; has_any && c < params.head_dim; c += PageSlots) {
    var low = 0.0;
    var high = 0.0;
    for (var slot = 0u; slot < params.page_slots; slot++) {
      let x = unscaled_key(source_key4(sources[slot], c / 4u), page, c / 4u)[c % 4u];
      low = select(min(low, x), x, slot == 0u);
      high = select(max(high, x), x, slot == 0u);
    }
    pages[page + KeyPairs + c] = pair_for(low, high);
  }
}

fn key_codes(page : u32, d : u32, slot : u32, key : vec4<f32>) -> vec4<u32> {
  let at = page + KeyPairs + 4u * d;
  let a = vec4<f32>(unpack2x16float(pages[at]), unpack2x16float(pages[at + 1u]));
  let b = vec4<f32>(unpack2x16float(pages[at + 2u]), unpack2x16float(pages[at + 3u]));
  return codes_of(key, vec4<f32>(a.xz, b.xz), vec4<f32>(a.yw, b.yw));
}
