// Marks the `keep` slots of each kv head, or of all together, whose score is highest; of equals the lower slot, or the lower head. A radix selection:
// the threshold by four histograms of 8 bits, by tick/radix.wgsl, so that no order of additions decides anything. One workgroup per head, or one.
struct Params {
  kv_heads : u32,
  set_index : u32,
  fresh : u32,   // fresh slots that take part
  most : u32,    // slots of a head that there is room for
  first : u32,   // so many slots are kept whatever they have, as a part of `keep`
  last : u32,    // and so many of the newest
  keep : u32,    // of each head, or of all together
  jointly : u32, // 1: of all together
  head : u32,    // the first of them
  mark : u32,    // what their marks become, 1 or more; of others 0
  further : u32, // 1: besides those that are marked
}

const Threads = 256u;
const Most = 0xffffffffu;

override Key : u32 = 0u; // a score is 0: f32, 1: u32, 2: none, what is newer is kept

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read> scores : array<u32>;      // (kv head, index)
@group(0) @binding(5) var<storage, read_write> marks : array<u32>; // (kv head, index)

// Larger for what is kept sooner; 0: it does not take part.
fn key_of(index : u32, kv_head : u32) -> u32 {
  let at = kv_head * params.most + index;
  if (params.further == 1u && marks[at] != 0u) {
    return 0u;
  }
  if (index < params.first || index + params.last >= candidates(kv_head)) {
    return Most;
  }
  let bits = scores[at];
  let key = select(select(ordered(bits), bits, Key == 1u), index + 1u, Key == 2u);
  return clamp(key, 1u, Most - 1u);
}

@compute @workgroup_size(Threads)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let joint = params.jointly == 1u;
  let begin = select(params.head + workgroup.x, 0u, joint);
  let end = select(begin + 1u, params.kv_heads, joint);
  var wanted = params.keep;
  var threshold = 0u;
  var is_short = wanted == 0u; // nothing to find
  if (is_short) {
    threshold = Most;
  }
  for (var shift = 24u; shift < 32u && !is_short; shift -= 8u) {
    atomicStore(&bins[local], 0u);
    workgroupBarrier();
    for (var head = begin; head < end; head++) {
      for (var i = local; i < candidates(head); i += Threads) {
        let key = key_of(i, head);
        if (key != 0u && (shift == 24u || key >> (shift + 8u) == threshold >> (shift + 8u))) {
          atomicAdd(&bins[(key >> shift) & 255u], 1u);
        }
      }
    }
    let bin = passing(wanted, local);
    if (bin.x == 256u) {
      is_short = true; // fewer than are to be kept: all of them are
      threshold = 0u;
      wanted = 0u;
    } else {
      threshold |= bin.x << shift;
      wanted -= bin.y;
    }
  }

  // All above the threshold, and of those at it the first `wanted`.
  var taken = 0u;
  for (var head = begin; head < end; head++) {
    let count = candidates(head);
    for (var start = 0u; start < count; start += Threads) {
      let i = start + local;
      var key = 0u;
      if (i < count) {
        key = key_of(i, head);
      }
      let upto = prefix(u32(i < count && key == threshold && wanted > 0u), local);
      if (i < count) {
        let at = head * params.most + i;
        let kept = key > threshold || (key == threshold && wanted > 0u && taken + upto <= wanted);
        if (kept) {
          marks[at] = params.mark;
        } else if (params.further == 0u) {
          marks[at] = 0u;
        }
      }
      taken += sums[Threads - 1u];
    }
  }
}
