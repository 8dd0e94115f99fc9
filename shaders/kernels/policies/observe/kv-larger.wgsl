// larger[kv head][index] = the larger of two shares of a slot: what the last queries pay it, and what all did by how many may have seen it, both as
// multiples of their mean over all slots but the last `window`. One workgroup per head. After tick/candidates.wgsl.
struct Params {
  kv_heads : u32,
  set_index : u32,
  fresh : u32,  // fresh slots that take part
  most : u32,   // slots of a head that there is room for
  base : u32,   // position of the first fresh slot
  length : u32, // positions that were run
  window : u32,
  planes : u32, // of a slot
  plane : u32,  // the one with its position
}

const Threads = 256u;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> paid_last : array<f32>;    // (kv head, index)
@group(0) @binding(3) var<storage, read> paid_all : array<f32>;     // (kv head, index)
@group(0) @binding(4) var<storage, read_write> larger : array<f32>; // (kv head, index)
@group(0) @binding(6) var<storage, read> planes : array<u32>;       // of the set, (page, plane, slot)

var<workgroup> sums : array<vec2<f32>, Threads>;

fn position_of(index : u32, kv_head : u32) -> u32 {
  let slots = set_slots(kv_head);
  if (index >= slots) {
    return params.base + index - slots;
  }
  let page = lists[lists[2u * kv_head] + index / PageSlots];
  return planes[(page * params.planes + params.plane) * PageSlots + index % PageSlots];
}

fn shares(index : u32, kv_head : u32) -> vec2<f32> {
  let at = kv_head * params.most + index;
  return vec2<f32>(paid_last[at], paid_all[at] / f32(max(1u, params.length - position_of(index, kv_head))));
}

@compute @workgroup_size(Threads)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let head = workgroup.x;
  let slots = candidates(head);
  let older = slots - min(slots, params.window);
  var own = vec2<f32>();
  for (var i = local; i < older; i += Threads) {
    own += shares(i, head);
  }
  sums[local] = own;
  for (var stride = Threads / 2u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    if (local < stride) {
      sums[local] += sums[local + stride];
    }
  }
  workgroupBarrier();
  let means = max(sums[0] / f32(max(1u, older)), vec2<f32>(1e-30));
  for (var i = local; i < slots; i += Threads) {
    let times = shares(i, head) / means;
    larger[head * params.most + i] = max(times.x, times.y);
  }
}
