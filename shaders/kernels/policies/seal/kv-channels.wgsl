// Chooses the channels of a head's keys that a set keeps: those with the largest product of lengths, of what the last queries ask of a channel, by query
// head, and of what the listed keys have there (ThinK, arXiv 2407.21018); of equals the lower one. Puts before the head's list of pages which of those that
// are kept each channel is, ascending. A workgroup takes a head. After from/newly.wgsl, of fresh slots alone,
// and where/before-list.wgsl.
struct Params {
  heads : u32,
  kv_heads : u32,
  head_dim : u32,
  set_index : u32,
  base : u32,     // position of the first fresh slot
  most : u32,     // slots of a head that there is room for in the list
  length : u32,   // positions that were run
  queries : u32,  // rows of `last_queries`
  observed : u32, // the last so many queries
}

const Threads = 256u;
const Lanes = Threads / HeadVec4s; // threads that share 4 channels

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read> last_queries : array<vec4<f32>>; // (position % queries, head, HeadVec4s)

var<workgroup> squares : array<vec4<f32>, Threads>;
var<workgroup> products : array<f32, 4u * HeadVec4s>;
var<workgroup> ranks : array<u32, 4u * HeadVec4s>;

// Of 4 channels, the sum over the query heads of a group.
fn asked_of(kv_head : u32, d : u32) -> vec4<f32> {
  let group = params.heads / params.kv_heads;
  var asked = vec4<f32>();
  for (var h = 0u; h < group; h++) {
    var sum = vec4<f32>();
    for (var position = params.length - params.observed; position < params.length; position++) {
      let x = last_queries[((position % params.queries) * params.heads + kv_head * group + h) * HeadVec4s + d];
      sum += x * x;
    }
    asked += sqrt(sum);
  }
  return asked;
}

@compute @workgroup_size(Threads)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let kv_head = workgroup.x;
  let d = local % HeadVec4s;
  var own = vec4<f32>();
  for (var n = local / HeadVec4s; n < kept_counts[kv_head].y && local < Lanes * HeadVec4s; n += Lanes) {
    let x = source_key4(listed_unit(n, kv_head), d);
    own += x * x;
  }
  squares[local] = own;
  workgroupBarrier();
  if (local < HeadVec4s) {
    var sum = vec4<f32>();
    for (var lane = 0u; lane < Lanes; lane++) {
      sum += squares[lane * HeadVec4s + local];
    }
    let product = asked_of(kv_head, local) * sqrt(sum);
    for (var i = 0u; i < 4u; i++) {
      products[4u * local + i] = select(-1.0, product[i], 4u * local + i < params.head_dim);
    }
  }
  workgroupBarrier();
  for (var c = local; c < 4u * HeadVec4s; c += Threads) {
    var before = 0u;
    for (var other = 0u; other < 4u * HeadVec4s; other++) {
      before += u32(products[other] > products[c] || (products[other] == products[c] && other < c));
    }
    ranks[c] = before;
  }
  workgroupBarrier();
  let first = before_list(kv_head, 4u * HeadVec4s);
  for (var c = local; c < 4u * HeadVec4s; c += Threads) {
    var place = 0u;
    for (var other = 0u; other < c; other++) {
      place += u32(ranks[other] < KeyChannels);
    }
    lists[first + c] = select(KeyChannels, place, ranks[c] < KeyChannels);
  }
}
