// Puts before each head's list of pages in which block of 16 each channel is, the largest first: by the mean size of its keys in the first page of
// positions; of equals the lower channel comes first. A workgroup takes a head. After from/page.wgsl and
// where/before-list.wgsl.
struct Params {
  kv_heads : u32,
  head_dim : u32,
  set_index : u32,
  page_slots : u32, // PageSlots, as a bound that no compiler unrolls
}

const Threads = 64u;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> source : array<u32>; // the fresh pages, as where/ring.wgsl has them

const Within = 0xffffffffu;

var<workgroup> sizes : array<f32, 4u * HeadVec4s>;

fn word_of(at : u32, word : u32) -> u32 {
  return source[word];
}

@compute @workgroup_size(Threads)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let kv_head = workgroup.x;
  let first = before_list(kv_head, 4u * HeadVec4s);
  for (var c = local; c < params.head_dim; c += Threads) {
    var size = 0.0;
    for (var slot = 0u; slot < params.page_slots; slot++) {
      size += abs(source_key4(ring_unit(slot, kv_head), c / 4u)[c % 4u]);
    }
    sizes[c] = size;
  }
  workgroupBarrier();
  for (var c = local; c < params.head_dim; c += Threads) {
    var before = 0u;
    for (var other = 0u; other < params.head_dim; other++) {
      before += u32(sizes[other] > sizes[c] || (sizes[other] == sizes[c] && other < c));
    }
    lists[first + c] = before / 16u;
  }
}
