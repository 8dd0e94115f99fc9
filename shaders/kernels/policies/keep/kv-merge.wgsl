// Slots that go (mark 0) are merged into those that stay, as into-*.wgsl tells which: keys and values become means, by weights of by-*.wgsl, in order of
// their index, so that no order of additions is left open; biases[kv head][index] = ln of how many tokens a slot stands for then. A workgroup takes a slot
// that stays, a thread 4 channels. After a format's file, merge/slots.wgsl.
struct Params {
  kv_heads : u32,
  head_vec4s : u32,
  base : u32,    // position of the first fresh slot
  fresh : u32,   // fresh slots that take part
  most : u32,    // slots of a head that there is room for by index
  planes : u32,  // of a slot
  plane : u32,   // the one with biases
  into : u32,    // the slot that all are merged into
  by_mean : u32, // 1: slots are like enough from the mean cosine of a head on, no less than `least`; 0: from `least`
  least : f32,
}

const Threads = 64u;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(5) var<storage, read> marks : array<u32>;        // (kv head, index)
@group(0) @binding(6) var<storage, read_write> biases : array<f32>; // (kv head, index)

fn candidates(kv_head : u32) -> u32 {
  return set_slots(kv_head) + params.fresh;
}

fn goes(i : u32, kv_head : u32) -> bool {
  return marks[kv_head * params.most + i] == 0u;
}

@compute @workgroup_size(Threads)
fn main(
  @builtin(workgroup_id) workgroup : vec3<u32>,
  @builtin(num_workgroups) workgroups : vec3<u32>,
  @builtin(local_invocation_index) local : u32,
) {
  let kv_head = workgroup.y;
  let own = target_of(workgroup.x + workgroup.z * workgroups.x);
  let least = prepare(kv_head, local);
  if (own >= candidates(kv_head) || goes(own, kv_head)) {
    return;
  }
  let place = place_of(own, kv_head);
  for (var d = local; d < params.head_vec4s; d += Threads) {
    var total = own_weight(place);
    let before = total;
    var key = total * key_at(place, d);
    var value = total * number4(place, value_unit(place, d));
    var tokens = tokens_of(place);
    for (var i = 0u; i < candidates(kv_head); i++) {
      if (!goes(i, kv_head)) {
        continue;
      }
      let like = cosine(i, own, kv_head, least);
      if (like < -1.5) {
        continue;
      }
      let other = place_of(i, kv_head);
      let weight = weight_of(like, other);
      total += weight;
      tokens += tokens_of(other);
      key += weight * key_at(other, d);
      value += weight * number4(other, value_unit(other, d));
    }
    if (total > before) {
      put4(place, key_unit(place, d), key / total);
      put4(place, value_unit(place, d), value / total);
    }
    if (d == 0u) {
      biases[kv_head * params.most + own] = log(tokens);
    }
  }
}
