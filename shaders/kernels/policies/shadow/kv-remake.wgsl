// Makes keys of latents again (ShadowKV, arXiv 2410.21465), turned by their positions, in the pages of a set, from slot `first` on; those of outliers are put
// there as they were. A workgroup takes `Slots` slots of a page of a head, a thread 4 numbers at a time. After a format's files, page/append.wgsl,
// where/list.wgsl, levels/turn.wgsl, pick/turned.wgsl, shadow/known.wgsl, and a file that tells which, shadow/in-order.wgsl or shadow/listed.wgsl.
struct Params {
  kv_heads : u32,
  set_index : u32,
  first : u32,
}

const Threads = 128u;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(4) var<storage, read> summaries : array<Unit>;
@group(0) @binding(5) var<storage, read_write> pages : array<Unit>;
@group(0) @binding(6) var<storage, read> books : array<Unit>;

var<workgroup> made : array<vec4<f32>, Slots * HeadVec4s>; // (slot, 4 numbers)

@compute @workgroup_size(Threads)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let at = remade_at(workgroup);
  let kv_head = at.x;
  let begin = at.y;
  for (var n = local; n < Slots * HeadVec4s; n += Threads) {
    let latents = latents_at(begin + n / HeadVec4s);
    let u = kv_head * HeadVec4s + n % HeadVec4s;
    var key = vec4<f32>();
    for (var i = 0u; i < RankVec4s; i++) {
      let own = unpack(summaries[latents + i]);
      for (var j = 0u; j < 4u; j++) {
        key += own[j] * unpack(books[basis_at(4u * i + j) + u]);
      }
    }
    made[n] = key;
  }
  workgroupBarrier();
  let slots = lists[list_of(kv_head) + 1u];
  for (var n = local; n < Slots * HeadVec4s; n += Threads) {
    let slot = begin + n / HeadVec4s;
    if (slot < max(First, params.first) || slot >= slots) {
      continue;
    }
    let d = n % HeadVec4s;
    let mark = books[outlier_at(kv_head, (slot - First) / Each)];
    let place = (slot - First) % Each;
    var key = turned4(made[n], made[n - d + partner(d)], d, slot, 1.0);
    if (outlier_of(mark) > 0u && place < kept_of(mark)) {
      key = unpack(books[exact_at(kv_head, outlier_of(mark) - 1u, place) + d]);
    }
    put_key(page_of(slot, kv_head), slot % PageSlots, d, key, 1.0);
  }
}
