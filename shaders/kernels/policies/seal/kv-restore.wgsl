// Makes keys and values of a set's latents again (kv-latents.wgsl), in pages of the same numbers: keys are turned by their positions, which their slots are. A
// workgroup takes some slots of a head's keys, or of its values; a thread 4 channels of some of those slots. After the files that read pages of codes,
// levels/turn.wgsl, latents/ and where/list.wgsl.
struct Params {
  kv_heads : u32,
  head_vec4s : u32, // HeadVec4s, as a bound that no compiler unrolls
  set_index : u32,
}

const Each = Slots / Rows; // slots of a thread

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> pages : array<Unit>;
@group(0) @binding(3) var<storage, read_write> restored : array<Restored>;

var<workgroup> held : array<vec4<f32>, Slots * HeadVec4s>; // (slot, 4 channels): latents of a head, then what is made

// 4 channels of a key that its position has turned.
fn turned4(position : u32, first : u32, d : u32) -> vec4<f32> {
  var key = held[first + d];
  let pairs = RopeDims / 2u;
  for (var i = 0u; i < 4u; i++) {
    let c = 4u * d + i;
    if (c < RopeDims) {
      let second = select((c & 1u) == 1u, c >= pairs, Halves == 1u);
      let other = select(c ^ 1u, select(c + pairs, c - pairs, c >= pairs), Halves == 1u);
      let a = angle(position, select(c / 2u, c % pairs, Halves == 1u));
      let y = held[first + other / 4u][other % 4u];
      key[i] = key[i] * a.x + select(-y, y, second) * a.y;
    }
  }
  return key;
}

@compute @workgroup_size(Rows * HeadVec4s)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let first = workgroup.x * Slots;
  let kv_head = workgroup.y;
  let part = workgroup.z;
  let d = local % HeadVec4s;
  let row = local / HeadVec4s;
  var sums : array<vec4<f32>, Each>;
  for (var n = 0u; n < Each; n++) {
    sums[n] = bias4(part, kv_head * HeadVec4s + d);
  }
  for (var g = 0u; g < params.kv_heads; g++) {
    let page = page_of(first, g);
    workgroupBarrier();
    for (var n = 0u; n < Each; n++) {
      let slot = row + n * Rows;
      let in_page = first % PageSlots + slot;
      if (part == 0u) {
        held[slot * HeadVec4s + d] = key4(page, d, in_page);
      } else {
        held[slot * HeadVec4s + d] = value4(page, in_page, d);
      }
    }
    workgroupBarrier();
    for (var i = 0u; i < params.head_vec4s; i++) {
      let at = row_of(part, 4u * (g * HeadVec4s + i)) + kv_head * HeadVec4s + d;
      let rows = mat4x4<f32>(basis[at], basis[at + RowVec4s], basis[at + 2u * RowVec4s], basis[at + 3u * RowVec4s]);
      for (var n = 0u; n < Each; n++) {
        sums[n] += rows * held[(row + n * Rows) * HeadVec4s + i];
      }
    }
  }
  workgroupBarrier();
  for (var n = 0u; n < Each; n++) {
    held[(row + n * Rows) * HeadVec4s + d] = sums[n];
  }
  workgroupBarrier();
  let page = page_of(first, kv_head) / page_units() * 2u * PageSlots * HeadVec4s;
  for (var n = 0u; n < Each; n++) {
    let slot = row + n * Rows;
    let in_page = first % PageSlots + slot;
    if (part == 0u) {
      restored[page + d * PageSlots + in_page] = restored4(turned4(first + slot, slot * HeadVec4s, d));
    } else {
      restored[page + (PageSlots + in_page) * HeadVec4s + d] = restored4(sums[n]);
    }
  }
}
