// Seals slots: keys and values of some that a ring has, or a set of the same format, become codes in the pages of another set, as from/ tells which. A
// workgroup takes a page of a head, a thread a slot.
struct Params {
  kv_heads : u32,
  head_dim : u32,
  set_index : u32,
  first : u32, // in order: positions
  end : u32,
  base : u32,  // listed: position of the first fresh slot
  most : u32,  // and slots of a head that there is room for in the list
  page_slots : u32, // PageSlots, as a bound that no compiler unrolls
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read_write> pages : array<Unit>;

var<workgroup> sources : array<u32, PageSlots>; // where the slots of the page lie that are sealed

@compute @workgroup_size(PageSlots)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let kv_head = workgroup.y;
  let all = sealed_of(kv_head);
  let first = (all.x / PageSlots + workgroup.x) * PageSlots;
  let own = first + local;
  let sealed = own >= all.x && own < all.y;
  let has_any = first < all.y;
  let page = select(0u, page_of(first, kv_head), has_any);
  sources[local] = source_of(own, kv_head);
  if (FactorWords > 0u && has_any && local == 0u) {
    pages[page + FactorsAt] = lists[list_of(kv_head)] - 4u * HeadVec4s;
  }
  storageBarrier();
  workgroupBarrier();
  seal_key_pairs(page, local, has_any, sealed);
  storageBarrier();
  workgroupBarrier();
  if (!sealed) {
    return;
  }
  let at = sources[local];
  for (var g = 0u; ValueChannels * g < params.head_dim; g++) {
    var low = 0.0;
    var high = 0.0;
    for (var c = ValueChannels * g; c < min(ValueChannels * g + ValueChannels, params.head_dim); c++) {
      let x = unscaled_value(source_value4(at, c / 4u), page, c / 4u)[c % 4u];
      low = select(min(low, x), x, c == ValueChannels * g);
      high = select(max(high, x), x, c == ValueChannels * g);
    }
    pages[page + ValuePairs + local * ValueGroups + g] = pair_for(low, high);
  }
  // Bounds that no compiler unrolls: llvmpipe took 17 s to compile what it had unrolled.
  for (var g = 0u; 32u * g < params.head_dim; g++) {
    var keys = CodesOfGroup();
    var values = CodesOfGroup();
    for (var d = 8u * g; d < min(8u * g + 8u, (params.head_dim + 3u) / 4u); d++) {
      let scaled = unpack2x16float(pages[page + ValuePairs + local * ValueGroups + 4u * d / ValueChannels]);
      place(&keys, d % 8u, key_codes(page, d, local, unscaled_key(source_key4(at, d), page, d)));
      place(&values, d % 8u, codes_of(unscaled_value(source_value4(at, d), page, d), vec4<f32>(scaled.x), vec4<f32>(scaled.y)));
    }
    for (var w = 0u; w < Bits; w++) {
      pages[page + (g * Bits + w) * PageSlots + local] = keys[w];
      pages[page + ValueCodes + local * CodeWords + g * Bits + w] = values[w];
    }
  }
}
