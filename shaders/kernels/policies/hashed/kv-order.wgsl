// Sorts the slots of a set behind the first `First` by their buckets, and by slot within one: hashed/sorted.wgsl has where. A workgroup takes a kv head, a
// thread a run of its slots, which it counts by bucket, and then puts behind those of the threads before it. After
// hashed/sorted.wgsl.
struct Params {
  kv_heads : u32,
  set_index : u32,
  most : u32,         // slots of a head that there is room for
  most_blocks : u32,
  most_queries : u32, // of a kv head
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read> planes : array<u32>;       // as kv-bucket.wgsl leaves them
@group(0) @binding(5) var<storage, read_write> sorted : array<u32>;
@group(0) @binding(7) var<storage, read> lists : array<u32>;         // as where/list.wgsl has them

var<workgroup> totals : array<u32, Buckets>;

fn bucket_at(slot : u32, kv_head : u32) -> u32 {
  return planes[lists[lists[list_of(kv_head)] + slot / PageSlots] * PageSlots + slot % PageSlots];
}

fn list_of(kv_head : u32) -> u32 {
  return 2u * (params.set_index * params.kv_heads + kv_head);
}

@compute @workgroup_size(Sorters)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) thread : u32) {
  let kv_head = workgroup.x;
  let slots = lists[list_of(kv_head) + 1u];
  let each = (slots - min(First, slots) + Sorters - 1u) / Sorters;
  let begin = First + thread * each;
  let end = min(slots, begin + each);
  let counts = counts_at(kv_head);
  for (var bucket = 0u; bucket < Buckets; bucket++) {
    sorted[counts + bucket * Sorters + thread] = 0u;
  }
  for (var slot = begin; slot < end; slot++) {
    sorted[counts + bucket_at(slot, kv_head) * Sorters + thread] += 1u;
  }
  storageBarrier();
  for (var bucket = thread; bucket < Buckets; bucket += Sorters) {
    var before = 0u;
    for (var other = 0u; other < Sorters; other++) {
      let count = sorted[counts + bucket * Sorters + other];
      sorted[counts + bucket * Sorters + other] = before;
      before += count;
    }
    totals[bucket] = before;
  }
  workgroupBarrier();
  let starts = kv_head * words_of_head();
  if (thread == 0u) {
    var before = 0u;
    for (var bucket = 0u; bucket < Buckets; bucket++) {
      sorted[starts + bucket] = before;
      before += totals[bucket];
    }
    sorted[starts + Buckets] = before;
  }
  storageBarrier();
  for (var slot = begin; slot < end; slot++) {
    let bucket = bucket_at(slot, kv_head);
    let at = counts + bucket * Sorters + thread;
    sorted[slots_at(kv_head) + sorted[starts + bucket] + sorted[at]] = slot;
    sorted[at] += 1u;
  }
}
