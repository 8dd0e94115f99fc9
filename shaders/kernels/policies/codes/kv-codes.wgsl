// The codes of the slots from `before` on: of each part of a key, before positions turn it, the centroid that is nearest by the part's metric; of equals the
// lower, and what differs by rounding alone is equal: keys of one token are, but for how they were turned and turned back. A thread takes a slot and the parts of a word. After a format's files, where/list.wgsl, pick/turned.wgsl, pick/books.wgsl.
struct Params {
  kv_heads : u32,
  set_index : u32,
  before : u32,
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(4) var<storage, read> pages : array<Unit>;
@group(0) @binding(5) var<storage, read_write> summaries : array<u32>;
@group(0) @binding(6) var<storage, read> books : array<f32>;

const Rounding = 1e-6; // of the square of a part, by the metric

// By the metric at `at`.
fn square(at : u32, numbers : array<f32, Width>) -> f32 {
  var own = numbers;
  var sum = 0.0;
  for (var row = 0u; row < Width; row++) {
    var product = 0.0;
    for (var column = 0u; column < Width; column++) {
      product += books[at + row * Width + column] * own[column];
    }
    sum += own[row] * product;
  }
  return sum;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3<u32>) {
  let kv_head = id.y;
  let slot = params.before + id.x;
  if (slot >= lists[list_of(kv_head) + 1u]) {
    return;
  }
  let page = page_of(slot, kv_head);
  var word = 0u;
  for (var part = 8u * id.z; part < min(8u * id.z + 8u, Parts); part++) {
    var numbers = array<f32, Width>();
    for (var u = 0u; u < Width / 4u; u++) {
      let d = part * (Width / 4u) + u;
      let key = turned4(key4(page, d, slot % PageSlots), key4(page, partner(d), slot % PageSlots), d, slot, -1.0);
      for (var i = 0u; i < 4u; i++) {
        numbers[4u * u + i] = key[i];
      }
    }
    let metric = metric_at(kv_head, part);
    let rounding = Rounding * square(metric, numbers);
    var nearest = 0u;
    var least = 3.4e38;
    for (var c = 0u; c < Centroids; c++) {
      let at = centroid_at(kv_head, c) + part * Width;
      var off = array<f32, Width>();
      for (var i = 0u; i < Width; i++) {
        off[i] = numbers[i] - books[at + i];
      }
      let distance = square(metric, off);
      if (distance + rounding < least) {
        least = distance;
        nearest = c;
      }
    }
    word |= nearest << (4u * (part % 8u));
  }
  summaries[code_at(page / page_units(), slot % PageSlots) + id.z] = word;
}
