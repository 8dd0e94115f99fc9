// The least and the largest of each dimension of the keys of each `Each` slots of a set, from slot `First` on, of those that are new since `before` slots
// were there: summaries[page of the slots behind First, or its place in order][part of the page] = least, largest (HeadVec4s each), of `Known` units of a page
// in all. A thread takes 4 dimensions. After a format's write file, where/list.wgsl.
struct Params {
  kv_heads : u32,
  head_vec4s : u32,
  set_index : u32,
  before : u32,
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(4) var<storage, read> pages : array<Unit>;
@group(0) @binding(5) var<storage, read_write> summaries : array<Unit>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3<u32>) {
  let kv_head = id.y;
  let d = id.x % HeadVec4s;
  let part = (params.before - min(First, params.before)) / Each + id.x / HeadVec4s;
  let slots = lists[list_of(kv_head) + 1u];
  let first = First + part * Each;
  if (first >= slots) {
    return;
  }
  var low = vec4<f32>(3.4e38);
  var high = vec4<f32>(-3.4e38);
  for (var slot = first; slot < min(first + Each, slots); slot++) {
    let key = key4(page_of(slot, kv_head), d, slot % PageSlots);
    low = min(low, key);
    high = max(high, key);
  }
  let page = select(lists[lists[list_of(kv_head)] + part * Each / PageSlots], part * Each / PageSlots * params.kv_heads + kv_head, InOrder == 1u);
  let at = page * Known + part % (PageSlots / Each) * 2u * HeadVec4s + d;
  summaries[at] = pack(low, 1.0);
  summaries[at + HeadVec4s] = pack(high, 1.0);
}
