// kept[kv head] = the first `listed` slots that have a mark, ascending, the others get another; kept_counts[kv head] = how many are slots of the set, and how
// many there are. One workgroup per head.
struct Params {
  kv_heads : u32,
  set_index : u32,
  fresh : u32, // fresh slots that take part
  most : u32,  // slots of a head that there is room for
  mark : u32,
  listed : u32,
  beyond : u32,
}

const Threads = 256u;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read_write> marks : array<u32>;             // (kv head, index)
@group(0) @binding(4) var<storage, read_write> kept : array<u32>;              // (kv head, most)
@group(0) @binding(5) var<storage, read_write> kept_counts : array<vec2<u32>>; // (kv head)

var<workgroup> before : array<vec2<u32>, Threads>; // marked slots up to a thread's: of the set, and all

@compute @workgroup_size(Threads)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let head = workgroup.x;
  let count = candidates(head);
  let of_set = set_slots(head);
  var total = vec2<u32>(0u);
  for (var start = 0u; start < count; start += Threads) {
    let i = start + local;
    let marked = i < count && marks[head * params.most + min(i, params.most - 1u)] == params.mark;
    before[local] = vec2<u32>(u32(marked && i < of_set), u32(marked));
    for (var stride = 1u; stride < Threads; stride *= 2u) {
      workgroupBarrier();
      var sum = before[local];
      if (local >= stride) {
        sum += before[local - stride];
      }
      workgroupBarrier();
      before[local] = sum;
    }
    workgroupBarrier();
    let n = total.y + before[local].y - 1u;
    if (marked && n < params.listed) {
      kept[head * params.most + n] = i;
    } else if (marked) {
      marks[head * params.most + i] = params.beyond;
    }
    total += before[Threads - 1u];
    workgroupBarrier();
  }
  if (local == 0u) {
    kept_counts[head] = min(total, vec2<u32>(params.listed));
  }
}
