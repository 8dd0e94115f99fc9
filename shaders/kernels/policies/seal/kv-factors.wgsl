// Puts the factors of a set's channels before each head's list of pages, where they stay: from the largest size that a channel has in the slots that are
// listed, as factor-of-*.wgsl makes one of it. A workgroup takes 4 channels of a head. After from/listed.wgsl and
// where/before-list.wgsl.
struct Params {
  heads : u32,
  kv_heads : u32,
  set_index : u32,
  base : u32,     // position of the first fresh slot
  most : u32,     // slots of a head that there is room for in the list
  length : u32,   // positions that were run
  queries : u32,  // rows of `last_queries`
  observed : u32, // the last so many queries
}

const Threads = 64u;

@group(0) @binding(0) var<uniform> params : Params;

var<workgroup> largest : array<vec4<f32>, Threads>;

@compute @workgroup_size(Threads)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let d = workgroup.x;
  let kv_head = workgroup.y;
  var own = vec4<f32>();
  for (var n = local; n < kept_counts[kv_head].y; n += Threads) {
    own = max(own, abs(number4(listed_unit(n, kv_head), d)));
  }
  largest[local] = own;
  for (var stride = Threads / 2u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    if (local < stride) {
      largest[local] = max(largest[local], largest[local + stride]);
    }
  }
  if (local == 0u) {
    let made = bitcast<vec4<u32>>(factor(largest[0], kv_head, d));
    let at = before_list(kv_head, 4u * (HeadVec4s - d));
    for (var i = 0u; i < 4u; i++) {
      lists[at + i] = made[i];
    }
  }
}
