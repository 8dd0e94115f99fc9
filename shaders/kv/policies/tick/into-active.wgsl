// A slot is active where a head of its group pays it `alpha`. Two planes hold its last active position, first its own, and the longest distance of two
// in a row. Score (LazyEviction, arXiv 2506.15969): less, the more often the longest rest fits into the present one; below all of these, what was never
// active again, the least what that is true of for longest. A whole number, so that equal ratios are equal on every GPU. After planes.wgsl.
var<private> last : u32;
var<private> longest : u32;

fn begin(page : u32, slot : u32, n : u32) {
  last = slot;
  if (!is_new(n)) {
    // A text that was cut since had positions that are none now.
    last = min(planes[plane_at(page, slot, params.plane)], max(params.since, 1u) - 1u);
    longest = planes[plane_at(page, slot, params.plane + 1u)];
  }
}

fn add(position : u32, slot : u32, n : u32, mean : f32, most : f32) {
  if (most >= params.alpha && last < position) {
    longest = max(longest, position - last);
    last = position;
  }
}

fn finish(page : u32, slot : u32, observed : u32) -> u32 {
  planes[plane_at(page, slot, params.plane)] = last;
  planes[plane_at(page, slot, params.plane + 1u)] = longest;
  let idle = params.length - 1u - last;
  if (longest == 0u) {
    return 0x7fffffffu - idle;
  }
  // Eight bits behind the point, then eight more; positions have fewer than 24.
  let whole = min(idle / longest, 0x7fffu);
  let rest = (idle % longest) << 8u;
  let more = ((rest % longest) << 8u) / longest;
  return 0xffffffffu - (whole << 16u) - ((rest / longest) << 8u) - more;
}
