// Listed fresh slots of two layers come behind those that they share: their lengths in the set of one, and in the first one's also the direction between both
// of keys, and of values (MiniCache, arXiv 2405.14366: the unit vector halfway, which is that of the sum of unit vectors). A workgroup takes a page of a head,
// a thread a slot. After from/pair.wgsl, shared/ and numbers/put.
struct Params {
  kv_heads : u32,
  head_dim : u32,
  set_index : u32,
  base : u32, // position of the first fresh slot
  most : u32, // slots of a head that there is room for in the list
}

override First : bool = true; // of the two

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read_write> pages : array<Unit>;
@group(0) @binding(4) var<storage, read> kept : array<u32>;              // (kv head, most): by index, fresh ones
@group(0) @binding(5) var<storage, read> kept_counts : array<vec2<u32>>; // (kv head): how many are of the first set, none, and how many there are

fn inverse(length : f32) -> f32 {
  return 1.0 / max(length, 1e-30);
}

@compute @workgroup_size(PageSlots)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let kv_head = workgroup.y;
  let begin = lists[list_of(kv_head) + 1u];
  let first = (begin / PageSlots + workgroup.x) * PageSlots;
  let own = first + local;
  if (own < begin || own >= begin + kept_counts[kv_head].y) {
    return;
  }
  let page = page_of(first, kv_head);
  let at = ring_unit(params.base + kept[kv_head * params.most + own - begin] - lists[2u * kv_head + 1u], kv_head);
  var squares = vec4<f32>(); // of both keys, of both values
  for (var d = 0u; 4u * d < params.head_dim; d++) {
    let ka = source_key4(at, d);
    let kb = source_key4(at | Other, d);
    let va = source_value4(at, d);
    let vb = source_value4(at | Other, d);
    squares += vec4<f32>(dot(ka, ka), dot(kb, kb), dot(va, va), dot(vb, vb));
  }
  let lengths = sqrt(squares);
  put_number(lengths_at(page, local), 1u, 0u, lengths.x);
  put_number(lengths_at(page, local), 1u, 1u, lengths.z);
  if (!First) {
    return;
  }
  var sums = vec2<f32>();
  for (var d = 0u; 4u * d < params.head_dim; d++) {
    let key = source_key4(at, d) * inverse(lengths.x) + source_key4(at | Other, d) * inverse(lengths.y);
    let value = source_value4(at, d) * inverse(lengths.z) + source_value4(at | Other, d) * inverse(lengths.w);
    sums += vec2<f32>(dot(key, key), dot(value, value));
  }
  let scales = vec2<f32>(inverse(sqrt(sums.x)), inverse(sqrt(sums.y)));
  for (var d = 0u; 4u * d < params.head_dim; d++) {
    let key = (source_key4(at, d) * inverse(lengths.x) + source_key4(at | Other, d) * inverse(lengths.y)) * scales.x;
    let value = (source_value4(at, d) * inverse(lengths.z) + source_value4(at | Other, d) * inverse(lengths.w)) * scales.y;
    for (var i = 0u; i < 4u; i++) {
      put_number(page + local, PageSlots, 4u * d + i, key[i]);
      put_number(page + Values + local * ValueWords, 1u, 4u * d + i, value[i]);
    }
  }
}
