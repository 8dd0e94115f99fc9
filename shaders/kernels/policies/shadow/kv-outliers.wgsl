// Which runs are outliers, whose keys stay as they are: the `count` whose keys are least like their landmarks (kv-landmarks.wgsl), of equals the first. Of a
// last run that is not full, the keys it has. A thread takes a run. After a format's files, where/list.wgsl, shadow/known.wgsl.
struct Params {
  kv_heads : u32,
  set_index : u32,
  count : u32,
  room : u32, // runs that there is room for in `likeness` of each head
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(4) var<storage, read> pages : array<Unit>;
@group(0) @binding(5) var<storage, read_write> books : array<Unit>;
@group(0) @binding(6) var<storage, read> likeness : array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3<u32>) {
  let kv_head = id.y;
  let run = id.x;
  if (run >= Runs) {
    return;
  }
  let slots = lists[list_of(kv_head) + 1u];
  let runs = (slots - min(First, slots) + Each - 1u) / Each;
  var before = params.count;
  if (run < runs) {
    let own = likeness[kv_head * params.room + run];
    before = 0u;
    for (var other = 0u; other < runs; other++) {
      let is_less = likeness[kv_head * params.room + other] < own;
      before += u32(is_less || (likeness[kv_head * params.room + other] == own && other < run));
    }
  }
  let kept = min(Each, slots - min(slots, First + run * Each)); // a last run may not be full yet
  books[outlier_at(kv_head, run)] = packed_outlier(select(0u, before + 1u, before < params.count), kept);
  if (before >= params.count) {
    return;
  }
  for (var i = 0u; i < kept; i++) {
    let slot = First + run * Each + i;
    for (var d = 0u; d < HeadVec4s; d++) {
      books[exact_at(kv_head, before, i) + d] = pack(key4(page_of(slot, kv_head), d, slot % PageSlots), 1.0);
    }
  }
}
