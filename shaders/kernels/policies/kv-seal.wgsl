// Seals fresh slots: the keys and values of positions `first` to `end` of every kv head become codes in the pages of a set whose slots are all
// positions. A workgroup takes a page of a head, a thread a slot. Of a head that has fewer slots in the set those beyond are left.
struct Params {
  kv_heads : u32,
  head_dim : u32,
  set_index : u32,
  first : u32,
  end : u32,
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> source : array<u32>; // the fresh pages, as where/ring.wgsl has them
@group(0) @binding(3) var<storage, read_write> pages : array<Unit>;

// Of a page that begins at unit `from_page` of the source, as page/read.wgsl has it.
fn source_key4(from_page : u32, d : u32, slot : u32) -> vec4<f32> {
  return source4(from_page + d * PageSlots + slot);
}

fn source_value4(from_page : u32, slot : u32, d : u32) -> vec4<f32> {
  return source4(from_page + (PageSlots + slot) * HeadVec4s + d);
}

fn source_page(position : u32, kv_head : u32) -> u32 {
  let units = 2u * PageSlots * HeadVec4s;
  let rings = arrayLength(&source) / (params.kv_heads * units * SourceWords);
  return (((position / PageSlots) % rings) * params.kv_heads + kv_head) * units;
}

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let kv_head = workgroup.y;
  let first = (params.first / PageSlots + workgroup.x) * PageSlots;
  let position = first + local;
  let end = min(params.end, lists[list_of(kv_head) + 1u]);
  let sealed = position >= params.first && position < end;
  let has_any = first < end;
  let page = select(0u, page_of(first, kv_head), has_any);
  let from_page = source_page(first, kv_head);
  seal_key_pairs(page, from_page, local, has_any, sealed);
  storageBarrier();
  workgroupBarrier();
  if (!sealed) {
    return;
  }
  // Bounds that no compiler unrolls: llvmpipe took 17 s to compile what it had unrolled.
  for (var g = 0u; 32u * g < params.head_dim; g++) {
    var keys = CodesOfGroup();
    var values = CodesOfGroup();
    var low = 0.0;
    var high = 0.0;
    for (var c = 32u * g; c < min(32u * g + 32u, params.head_dim); c++) {
      let x = source_value4(from_page, local, c / 4u)[c % 4u];
      low = select(min(low, x), x, c == 32u * g);
      high = select(max(high, x), x, c == 32u * g);
    }
    let pair = pair_for(low, high);
    let scaled = unpack2x16float(pair);
    pages[page + ValuePairs + local * Groups + g] = pair;
    for (var d = 8u * g; d < min(8u * g + 8u, (params.head_dim + 3u) / 4u); d++) {
      place(&keys, d % 8u, key_codes(page, d, local, source_key4(from_page, d, local)));
      place(&values, d % 8u, codes_of(source_value4(from_page, local, d), vec4<f32>(scaled.x), vec4<f32>(scaled.y)));
    }
    for (var w = 0u; w < Bits; w++) {
      pages[page + (g * Bits + w) * PageSlots + local] = keys[w];
      pages[page + ValueCodes + local * CodeWords + g * Bits + w] = values[w];
    }
  }
}
