// The scales of a page's keys, a slot to a thread: the largest size of a block, over as many steps as there are on a side.
fn seal_key_pairs(page : u32, local : u32, has_any : bool, sealed : bool) {
  for (var b = 0u; 16u * b < params.head_dim && sealed; b++) {
    var largest = 0.0;
    for (var d = 0u; 4u * d < params.head_dim; d++) {
      let sizes = select(vec4<f32>(), abs(source_key4(sources[local], d)), blocks_of(page, d) == vec4<u32>(b));
      largest = max(largest, max(max(sizes.x, sizes.y), max(sizes.z, sizes.w)));
    }
    let at = page + KeyPairs + (b / 2u) * PageSlots + local;
    let before = select(pages[at], 0u, b % 2u == 0u);
    pages[at] = before | (scale_for(largest, Middle) << (16u * (b % 2u)));
  }
}

fn key_codes(page : u32, d : u32, slot : u32, key : vec4<f32>) -> vec4<u32> {
  let sizes = nearest_codes(abs(key), key_scales(page, d, slot), Middle);
  return select(vec4<u32>(Middle) + sizes, vec4<u32>(Middle) - sizes, key < vec4<f32>());
}
