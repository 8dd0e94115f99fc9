// Puts before each head's list of pages what its pages of levels are read by (levels/page.wgsl): the levels of its layer, and keys and values of the first
// positions as they are. A workgroup takes a head. After from/page.wgsl and where/before-list.wgsl.
struct Params {
  kv_heads : u32,
  set_index : u32,
  first_level : u32, // of the layer's in `levels`
}

const Threads = 64u;
const Within = 0xffffffffu;
const TableWords = 2u * Levels + Sinks * 8u * HeadVec4s;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(1) var<storage, read> levels : array<u32>; // (layer, keys or values, level)
@group(0) @binding(2) var<storage, read> source : array<u32>; // the fresh pages, as where/ring.wgsl has them

fn word_of(at : u32, word : u32) -> u32 {
  return source[word];
}

@compute @workgroup_size(Threads)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let kv_head = workgroup.x;
  let table = before_list(kv_head, TableWords);
  for (var i = local; i < 2u * Levels; i += Threads) {
    lists[table + i] = levels[params.first_level + i];
  }
  for (var i = local; i < Sinks * 2u * HeadVec4s; i += Threads) {
    let unit = ring_unit(i / (2u * HeadVec4s), kv_head);
    let d = i % (2u * HeadVec4s);
    var x : vec4<f32>;
    if (d < HeadVec4s) {
      x = source_key4(unit, d);
    } else {
      x = source_value4(unit, d - HeadVec4s);
    }
    let words = bitcast<vec4<u32>>(x);
    for (var n = 0u; n < 4u; n++) {
      lists[table + 2u * Levels + 4u * i + n] = words[n];
    }
  }
}
