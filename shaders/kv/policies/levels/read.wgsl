// How attention reads such a page (page.wgsl): keys are turned by their positions again. Its loops have bounds that no compiler unrolls: llvmpipe took
// more than a minute to compile eight keys of what it had unrolled.
const ScaleUnits : u32 = 0u;

fn upto(n : u32) -> u32 {
  return min(n, n * params.kv_heads);
}

// The i-th of four, and with another in its place. No place that a loop reckons: some drivers keep what has one in memory.
fn one_of(four : vec4<f32>, i : u32) -> f32 {
  return select(select(four.x, four.y, i == 1u), select(four.z, four.w, i == 3u), i > 1u);
}

fn with_one(four : vec4<f32>, i : u32, value : f32) -> vec4<f32> {
  return select(four, vec4<f32>(value), vec4<u32>(i) == vec4<u32>(0u, 1u, 2u, 3u));
}

fn levels4(first : u32, codes : vec4<f32>) -> vec4<f32> {
  let at = vec4<u32>(codes) + first;
  return bitcast<vec4<f32>>(vec4<u32>(lists[at.x], lists[at.y], lists[at.z], lists[at.w]));
}

// Of a position that is kept as it is: its key, or from `HeadVec4s` on its value.
fn exact4(page : u32, position : u32, d : u32) -> vec4<f32> {
  let at = pages[page + TableAt] + 2u * Levels + position * 8u * HeadVec4s + 4u * d;
  return bitcast<vec4<f32>>(vec4<u32>(lists[at], lists[at + 1u], lists[at + 2u], lists[at + 3u]));
}

fn unturned4(page : u32, d : u32, slot : u32) -> vec4<f32> {
  let levels = levels4(pages[page + TableAt], code4(page + slot, PageSlots, d));
  var key : vec4<f32>;
  for (var i = 0u; i < upto(4u); i++) {
    let range = range_in(pages[page + KeyRanges + 4u * d + i]);
    var number = one_of(levels, i) * range.y + range.x;
    for (var o = 0u; o < upto(KeyOutliers); o++) {
      let out = pages[page + KeyOut + (4u * d + i) * KeyOutliers + o];
      if ((out & 0xffffu) == slot) {
        number = unpack2x16float(out >> 16u).x;
      }
    }
    key = with_one(key, i, number);
  }
  return key;
}

fn key4(page : u32, d : u32, slot : u32) -> vec4<f32> {
  let position = pages[page + PositionAt] + slot;
  if (position < Sinks) {
    return exact4(page, position, d);
  }
  // Its numbers, and those that they are turned with.
  let half = RopeDims / 8u; // vec4s
  let second = d >= half;
  var x : vec4<f32>;
  var last : vec4<f32>;
  for (var h = 0u; h < upto(1u + Halves); h++) {
    last = unturned4(page, select(d, select(d + half, d - half, second), h == 1u), slot);
    if (h == 0u) {
      x = last;
    }
  }
  let other = select(last, vec4<f32>(x.y, x.x, x.w, x.z), Halves == 0u);
  var key = x;
  for (var i = 0u; i < upto(4u) && 4u * d + i < RopeDims; i++) {
    let a = angle(position, select(2u * d + i / 2u, 4u * (d % max(half, 1u)) + i, Halves == 1u));
    let is_second = select(i % 2u == 1u, second, Halves == 1u);
    let turned_by = one_of(other, i);
    key = with_one(key, i, one_of(x, i) * a.x + select(-turned_by, turned_by, is_second) * a.y);
  }
  return key;
}

fn key_scale(page : u32, slot : u32) -> f32 {
  return 1.0;
}

fn value4(page : u32, slot : u32, d : u32) -> vec4<f32> {
  let position = pages[page + PositionAt] + slot;
  if (position < Sinks) {
    return exact4(page, position, HeadVec4s + d);
  }
  let range = range_in(pages[page + ValueRanges + slot]);
  var value = levels4(pages[page + TableAt] + Levels, code4(page + ValueCodes + slot * CodeWords, 1u, d)) * range.y + range.x;
  for (var o = 0u; o < upto(ValueOutliers); o++) {
    if (Apart && o > params.head_dim) { // never, as there are fewer than numbers of a head, but no compiler reads outliers ahead of it
      break;
    }
    let out = pages[page + ValueOut + slot * ValueOutliers + o];
    if ((out & 0xffffu) / 4u == d) {
      value = with_one(value, out & 3u, unpack2x16float(out >> 16u).x);
    }
  }
  return value;
}

fn value_scale(page : u32, slot : u32) -> f32 {
  return 1.0;
}
