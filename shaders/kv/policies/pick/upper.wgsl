// What the product of the query of any head of a group with a key is at most, by the least of each dimension of keys, from unit `low` on, and the largest, from
// `high` on (Quest, arXiv 2406.10774). `first`: of the group's queries. After a format's file.
@group(0) @binding(4) var<storage, read> summaries : array<Unit>; // as kv-bounds.wgsl leaves them

fn upper(low : u32, high : u32, first : u32) -> f32 {
  var of_heads = array<f32, Group>();
  for (var d = 0u; d < params.head_vec4s; d++) {
    let least = unpack(summaries[low + d]);
    let largest = unpack(summaries[high + d]);
    for (var h = 0u; h < Group; h++) {
      let q = query[first + h * HeadVec4s + d];
      of_heads[h] += dot(max(q, vec4<f32>()), largest) + dot(min(q, vec4<f32>()), least);
    }
  }
  var most = -1e30;
  for (var h = 0u; h < Group; h++) {
    most = max(most, of_heads[h]);
  }
  return most;
}
