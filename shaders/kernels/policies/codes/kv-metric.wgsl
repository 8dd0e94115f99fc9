// The metric of each part of a head: how much the last queries tell keys apart there, the mean of q q' of them as they are before positions turn them, and a
// little of all directions. So what is lost by a code is what products with such queries lose. A workgroup takes a part of a kv head. After
// pick/turned.wgsl, pick/books.wgsl.
struct Params {
  heads : u32,
  rows : u32,   // queries that are kept
  count : u32,  // of which so many count, the last ones
  length : u32, // positions
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read> last_queries : array<vec4<f32>>; // (position % rows, head, HeadVec4s)
@group(0) @binding(6) var<storage, read_write> books : array<f32>;

// Of a query, whose numbers begin at `at`.
fn number_of(at : u32, position : u32, i : u32) -> f32 {
  let d = i / 4u;
  return turned4(last_queries[at + d], last_queries[at + partner(d)], d, position, -1.0)[i % 4u];
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let part = workgroup.x;
  let kv_head = workgroup.y;
  for (var entry = local; entry < Width * Width; entry += 64u) {
    let row = entry / Width;
    let column = entry % Width;
    var sum = 0.0;
    for (var i = 0u; i < params.count; i++) {
      let position = params.length - params.count + i;
      for (var h = 0u; h < Group; h++) {
        let at = ((position % params.rows) * params.heads + kv_head * Group + h) * HeadVec4s;
        sum += number_of(at, position, part * Width + row) * number_of(at, position, part * Width + column);
      }
    }
    books[metric_at(kv_head, part) + entry] = sum / f32(params.count * Group) + select(0.0, 1e-6, row == column);
  }
}
