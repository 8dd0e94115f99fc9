// Numbers of a slot, each as a share of its range, become the codes of the levels that are nearest.
fn code_of(y : f32, first : u32) -> u32 {
  var code = 0u;
  for (var level = 1u; level < Levels; level++) {
    code += u32(y > 0.5 * (bitcast<f32>(lists[first + level - 1u]) + bitcast<f32>(lists[first + level])));
  }
  return code;
}

fn codes4(y : vec4<f32>, first : u32) -> vec4<u32> {
  return vec4<u32>(code_of(y.x, first), code_of(y.y, first), code_of(y.z, first), code_of(y.w, first));
}

fn put_slot(page : u32, kv_head : u32, slot : u32, at : u32, position : u32) {
  let table = pages[page + TableAt];
  for (var g = 0u; 32u * g < params.head_dim; g++) {
    var keys = CodesOfGroup();
    var values = CodesOfGroup();
    for (var d = 8u * g; d < min(8u * g + 8u, (params.head_dim + 3u) / 4u); d++) {
      place(&keys, d % 8u, codes4(key_share(page, slot, at, position, d), table));
      place(&values, d % 8u, codes4(value_share(page, slot, at, d), table + Levels));
    }
    for (var w = 0u; w < Bits; w++) {
      pages[page + (g * Bits + w) * PageSlots + slot] = keys[w];
      pages[page + ValueCodes + slot * CodeWords + g * Bits + w] = values[w];
    }
  }
}
