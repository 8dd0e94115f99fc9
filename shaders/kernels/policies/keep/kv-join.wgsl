// Runs of slots of which each is marked as one with the next become one slot: the one that queries pay most, of equals the first. Its key and value become
// means by how near keys are to its own, in units of their mean distance (KVMerger, arXiv 2407.08454). pivots[kv head][index] = 1 of those, 0 of the others;
// biases = ln of how many tokens they stand for. A workgroup takes the slot that a run may begin at. After a format's file, merge/slots.wgsl and tokens.wgsl.
struct Params {
  kv_heads : u32,
  head_vec4s : u32,
  base : u32,   // position of the first fresh slot
  fresh : u32,  // fresh slots that take part
  most : u32,   // slots of a head that there is room for by index
  planes : u32, // of a slot
  plane : u32,  // the one with biases
}

const Threads = 64u;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(4) var<storage, read> scores : array<f32>;       // (kv head, index): what queries pay
@group(0) @binding(5) var<storage, read> marks : array<u32>;        // (kv head, index): 1 of a slot that is one with the next
@group(0) @binding(6) var<storage, read_write> pivots : array<u32>; // (kv head, index)
@group(0) @binding(8) var<storage, read_write> biases : array<f32>; // (kv head, index): at first distances, then weights

var<workgroup> sums : array<f32, Threads>;
var<workgroup> run : vec2<u32>; // slots, pivot

fn is_joined(at : u32) -> bool {
  return marks[at] == 1u;
}

fn sum_of(value : f32, local : u32) -> f32 {
  workgroupBarrier();
  sums[local] = value;
  for (var stride = Threads / 2u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    if (local < stride) {
      sums[local] += sums[local + stride];
    }
  }
  return workgroupUniformLoad(&sums[0]);
}

// Slots of the run that begins at the first of a head's slots that is `first`, and the one that queries pay most.
fn run_of(first : u32, slots : u32, at : u32) -> vec2<u32> {
  if (first >= slots || (first > 0u && is_joined(at + first - 1u))) {
    return vec2<u32>(0u, first);
  }
  var count = 1u;
  var pivot = first;
  for (; first + count < slots && is_joined(at + first + count - 1u); count++) {
    if (scores[at + first + count] > scores[at + pivot]) {
      pivot = first + count;
    }
  }
  return vec2<u32>(count, pivot);
}

@compute @workgroup_size(Threads)
fn main(
  @builtin(workgroup_id) workgroup : vec3<u32>,
  @builtin(num_workgroups) workgroups : vec3<u32>,
  @builtin(local_invocation_index) local : u32,
) {
  let first = workgroup.x + workgroup.z * workgroups.x;
  let kv_head = workgroup.y;
  let at = kv_head * params.most;
  if (local == 0u) {
    run = run_of(first, set_slots(kv_head) + params.fresh, at);
  }
  let found = workgroupUniformLoad(&run);
  let count = found.x;
  let place = place_of(found.y, kv_head);
  var far = 0.0;
  var tokens = 0.0;
  for (var i = local; i < count; i += Threads) {
    let other = place_of(first + i, kv_head);
    var square = 0.0;
    for (var d = 0u; d < params.head_vec4s; d++) {
      let off = key_at(other, d) - key_at(place, d);
      square += dot(off, off);
    }
    biases[at + first + i] = sqrt(square);
    far += sqrt(square);
    tokens += tokens_of(other);
  }
  let spread = sum_of(far, local) / max(1.0, f32(count) - 1.0);
  let all = sum_of(tokens, local);
  var own = 0.0;
  for (var i = local; i < count; i += Threads) {
    let distance = biases[at + first + i];
    let weight = exp(-distance * distance / max(2.0 * spread * spread, 1e-12));
    biases[at + first + i] = weight;
    own += weight;
    pivots[at + first + i] = u32(first + i == found.y);
  }
  storageBarrier();
  let total = sum_of(own, local);
  for (var d = local; count > 1u && d < params.head_vec4s; d += Threads) {
    var key = vec4<f32>();
    var value = vec4<f32>();
    for (var i = 0u; i < count; i++) {
      let other = place_of(first + i, kv_head);
      key += biases[at + first + i] * key_at(other, d);
      value += biases[at + first + i] * number4(other, value_unit(other, d));
    }
    put4(place, key_unit(place, d), key / total);
    put4(place, value_unit(place, d), value / total);
  }
  workgroupBarrier();
  if (local == 0u && count > 0u) {
    biases[at + found.y] = log(all);
  }
}
