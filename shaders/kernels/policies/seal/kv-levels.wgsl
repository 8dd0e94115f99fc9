// Seals whole pages in codes of levels (levels/page.wgsl): of each channel of keys, turned back by their positions, and of each slot's values, which are furthest
// from the median, and the range of the others; then what becomes of each number as a share of its range, as into-*.wgsl has it. A workgroup takes a page of a
// head, a thread a channel, then a slot. After affine/round.wgsl, levels/, from/in-order.wgsl, where/list.wgsl.
struct Params {
  kv_heads : u32,
  head_dim : u32,
  set_index : u32,
  first : u32, // positions, of whole pages
  end : u32,
  page_slots : u32,  // PageSlots, as a bound that no compiler unrolls
  first_share : u32,
}

// Of numbers that are as far out but for rounding, as those of a token that comes twice, the first is taken.
const Clearly = 1.0001;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read_write> pages : array<Unit>;

// (slot, thread): what a thread has of a channel, its own alone, as an array of its own whose places are reckoned is not kept in registers.
var<workgroup> channels : array<array<f32, PageSlots>, PageSlots>;
var<workgroup> outside : array<array<u32, PageSlots>, Groups>; // (32 numbers, thread): which of a slot's values are taken out

fn range_word(low : f32, high : f32) -> u32 {
  return half_bits(0.5 * (low + high)) | (half_bits(0.5 * (high - low)) << 16u);
}

fn key_share(page : u32, slot : u32, at : u32, position : u32, d : u32) -> vec4<f32> {
  var share : vec4<f32>;
  for (var i = 0u; i < 4u; i++) {
    let range = range_in(pages[page + KeyRanges + 4u * d + i]);
    if (4u * d + i < params.head_dim) {
      share[i] = clamp((unturned_key(at, position, 4u * d + i) - range.x) / range.y, -1.0, 1.0);
    }
  }
  return share;
}

fn value_share(page : u32, slot : u32, at : u32, d : u32) -> vec4<f32> {
  let range = range_in(pages[page + ValueRanges + slot]);
  return clamp((source_value4(at, d) - range.x) / range.y, vec4<f32>(-1.0), vec4<f32>(1.0));
}

fn seal_channel(page : u32, kv_head : u32, first : u32, c : u32) {
  let lane = c % PageSlots;
  for (var slot = 0u; slot < params.page_slots; slot++) {
    channels[slot][lane] = unturned_key(source_of(first + slot, kv_head), first + slot, c);
  }
  var median = 0.0;
  for (var i = 0u; i < params.page_slots; i++) {
    var below = 0u;
    let x = channels[i][lane];
    for (var j = 0u; j < params.page_slots; j++) {
      let other = channels[j][lane];
      below += u32(other < x || (other == x && j < i));
    }
    median = select(median, x, below == (PageSlots - 1u) / 2u);
  }
  var taken = 0u;
  for (var o = 0u; o < KeyOutliers; o++) {
    var furthest = 0u;
    var most = 0.0;
    for (var i = 0u; i < params.page_slots; i++) {
      let far = select(abs(channels[i][lane] - median), -1.0, ((taken >> i) & 1u) == 1u);
      let further = far > most * Clearly;
      furthest = select(furthest, i, further);
      most = select(most, far, further);
    }
    taken |= 1u << furthest;
    pages[page + KeyOut + c * KeyOutliers + o] = furthest | (half_bits(channels[furthest][lane]) << 16u);
  }
  var low = 1e38;
  var high = -1e38;
  for (var i = 0u; i < params.page_slots; i++) {
    let is_out = ((taken >> i) & 1u) == 1u;
    let x = channels[i][lane];
    low = select(min(low, x), low, is_out);
    high = select(max(high, x), high, is_out);
  }
  pages[page + KeyRanges + c] = range_word(low, high);
}

// As numbers are ordered.
fn order_of(x : vec4<f32>) -> vec4<u32> {
  let bits = bitcast<vec4<u32>>(x);
  return bits ^ (bitcast<vec4<u32>>(bitcast<vec4<i32>>(bits) >> vec4<u32>(31u)) | vec4<u32>(0x80000000u));
}

// Of a slot's values, bit by bit from the highest: the greatest that at most half of the others are below. They are read anew for each, as all of
// them are more than the registers of some GPUs.
fn median_of(at : u32) -> f32 {
  var found = 0u;
  for (var bit = 0x80000000u; bit > 0u; bit >>= 1u) {
    var below = vec4<u32>();
    for (var d = 0u; 4u * d < params.head_dim; d++) {
      let is_there = vec4<u32>(4u * d) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(params.head_dim);
      below += select(vec4<u32>(), vec4<u32>(order_of(source_value4(at, d)) < vec4<u32>(found | bit)), is_there);
    }
    found = select(found, found | bit, below.x + below.y + below.z + below.w <= (params.head_dim - 1u) / 2u);
  }
  return bitcast<f32>(select(~found, found & 0x7fffffffu, found >> 31u == 1u));
}

fn seal_value(page : u32, slot : u32, at : u32) {
  var median = 0.0;
  if (ValueOutliers > 0u) {
    median = median_of(at);
  }
  for (var g = 0u; g < Groups; g++) {
    outside[g][slot] = 0u;
  }
  for (var o = 0u; o < ValueOutliers; o++) {
    var furthest = 0u;
    var most = 0.0;
    for (var i = 0u; i < params.head_dim; i++) {
      let far = select(abs(source_value4(at, i / 4u)[i % 4u] - median), -1.0, ((outside[i / 32u][slot] >> (i % 32u)) & 1u) == 1u);
      let further = far > most * Clearly;
      furthest = select(furthest, i, further);
      most = select(most, far, further);
    }
    outside[furthest / 32u][slot] |= 1u << (furthest % 32u);
    let value = source_value4(at, furthest / 4u)[furthest % 4u];
    pages[page + ValueOut + slot * ValueOutliers + o] = furthest | (half_bits(value) << 16u);
  }
  var low = 1e38;
  var high = -1e38;
  for (var i = 0u; i < params.head_dim; i++) {
    let x = source_value4(at, i / 4u)[i % 4u];
    let is_out = ((outside[i / 32u][slot] >> (i % 32u)) & 1u) == 1u;
    low = select(min(low, x), low, is_out);
    high = select(max(high, x), high, is_out);
  }
  pages[page + ValueRanges + slot] = range_word(low, high);
}

@compute @workgroup_size(PageSlots)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let kv_head = workgroup.y;
  let first = params.first + workgroup.x * PageSlots;
  let page = page_of(first, kv_head);
  let at = source_of(first + local, kv_head);
  if (local == 0u) {
    pages[page + PositionAt] = first;
    pages[page + TableAt] = lists[list_of(kv_head)] - TableWords;
  }
  for (var c = local; c < params.head_dim; c += PageSlots) {
    seal_channel(page, kv_head, first, c);
  }
  seal_value(page, local, at);
  storageBarrier();
  workgroupBarrier();
  put_slot(page, kv_head, local, at, first + local);
}
