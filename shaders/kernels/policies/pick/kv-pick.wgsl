// Chooses what the next row reads of a set (where/picked.wgsl). pick/by-*.wgsl tells items of slots to choose from, a score and a weight of each: the
// highest are taken until `wanted` of weight is passed; of equals the first. A radix selection, by tick/radix.wgsl. Then the runs that items stand for
// are listed, ascending; where the last is shorter than the others, nothing lies behind it. One workgroup per kv head, or one that chooses for all.
struct Params {
  heads : u32,
  kv_heads : u32,
  head_vec4s : u32,
  chosen_for : u32, // kv heads that have the same choice
  room : u32,       // items that there is room for in `keys` of each row
  scale : f32,
  alike : f32,      // cosine of queries from which on a choice is kept
}

const Threads = 256u;
const Most = 0xffffffffu;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> state : State;
@group(0) @binding(3) var<storage, read> query : array<vec4<f32>>;    // (token, head, HeadVec4s)
@group(0) @binding(5) var<storage, read_write> keys : array<u32>;     // (row, item), Rows rows of a workgroup: scratch
@group(0) @binding(7) var<storage, read> lists : array<u32>;          // as where/list.wgsl has them, of one set
@group(0) @binding(8) var<storage, read_write> picked : array<u32>;   // as where/picked.wgsl has it

var<workgroup> told : vec3<u32>;  // of Picks: wanted, tail, seen

fn query_at(head : u32) -> u32 {
  return (state.first * params.heads + head) * HeadVec4s;
}

// The first word of a head's runs, and how many words there are.
fn runs_at(kv_head : u32) -> vec2<u32> {
  let each = (arrayLength(&picked) - 4u * params.kv_heads) / params.kv_heads;
  return vec2<u32>(4u * params.kv_heads + kv_head * each, each);
}

fn key_of(score : f32) -> u32 {
  return clamp(ordered(bitcast<u32>(score)), 1u, Most - 1u);
}

// Marks items that are taken in place of their keys, from `at` on: the largest ones until so much of weight is passed. A key of 0 is never taken, `Most` with no
// weight always.
fn take(kv_head : u32, at : u32, items : u32, asked : u32, local : u32) {
  storageBarrier();
  // The threshold, and how much of what is equal to it is wanted.
  var wanted = asked;
  var threshold = 0u;
  var is_short = wanted == 0u; // nothing to find
  if (is_short) {
    threshold = Most;
  }
  for (var shift = 24u; shift < 32u && !is_short; shift -= 8u) {
    atomicStore(&bins[local], 0u);
    workgroupBarrier();
    for (var i = local; i < items; i += Threads) {
      let key = keys[at + i];
      if (shift == 24u || key >> (shift + 8u) == threshold >> (shift + 8u)) {
        atomicAdd(&bins[(key >> shift) & 255u], weight(kv_head, i));
      }
    }
    let bin = passing(wanted, local);
    if (bin.x == 256u) {
      is_short = true; // less than is wanted: all of it is taken
      threshold = 0u;
      wanted = 0u;
    } else {
      threshold |= bin.x << shift;
      wanted -= bin.y;
    }
  }

  // Marks in place of keys.
  var equals = 0u;
  for (var start = 0u; start < items; start += Threads) {
    let i = start + local;
    var key = 0u;
    var own = 0u;
    if (i < items) {
      key = keys[at + i];
      own = select(0u, weight(kv_head, i), key == threshold);
    }
    let upto = prefix(own, local);
    if (i < items) {
      keys[at + i] = u32(key > threshold || (key == threshold && equals + upto - own < wanted));
    }
    equals += sums[Threads - 1u];
  }
  storageBarrier();
}

@compute @workgroup_size(Threads)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let kv_head = workgroup.x;
  if (local == 0u) {
    told = vec3<u32>(picked[4u * kv_head], picked[4u * kv_head + 1u], picked[4u * kv_head + 2u]);
  }
  let before = workgroupUniformLoad(&told);
  let slots = lists[2u * kv_head + 1u];
  let tail = min(before.y, slots);
  let count = tail - min(First, tail);
  if (before.z > 0u) {
    if (holds(kv_head, local)) {
      return;
    }
  }
  let items = items_of(count);
  let at = kv_head * Rows * params.room;
  prepare(kv_head, local, at, items);
  for (var i = local; i < items; i += Threads) {
    keys[at + i] = rank_key(kv_head, i, at, count);
  }
  take(kv_head, at, items, before.x, local);

  let runs = (count + Run - 1u) / Run;
  var listed = 0u;
  for (var start = 0u; start < runs; start += Threads) {
    let run = start + local;
    var is_taken = false;
    if (run < runs) {
      is_taken = keys[at + item_of(kv_head, run)] == 1u;
    }
    let upto = prefix(u32(is_taken), local);
    for (var head = kv_head; is_taken && head < kv_head + params.chosen_for; head++) {
      picked[runs_at(head).x + listed + upto - 1u] = run;
    }
    listed += sums[Threads - 1u];
  }
  if (local == 0u) {
    var seen = slots - count + listed * Run;
    if (runs > 0u && keys[at + item_of(kv_head, max(runs, 1u) - 1u)] == 1u) {
      seen -= runs * Run - count;
    }
    for (var head = kv_head; head < kv_head + params.chosen_for; head++) {
      picked[4u * head + 2u] = seen;
      picked[4u * head + 3u] = listed;
    }
  }
}
