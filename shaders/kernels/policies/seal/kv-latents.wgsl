// Makes latents (XQuant, arXiv 2508.10395): of fresh slots what keys, turned back by their positions, and values are in the basis of all heads together. They
// go to pages of f32 that lie as those of the ring do, as if each head had as many latents as it has channels. A workgroup takes a position's keys, or its
// values; a thread 4 latents at a time. After from/page.wgsl, levels/ and latents/basis.wgsl.
struct Params {
  kv_heads : u32,
  first : u32, // position
}

const Threads = 64u;
const Within = 0xffffffffu;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> source : array<u32>; // the fresh pages, as where/ring.wgsl has them
@group(0) @binding(3) var<storage, read_write> latents : array<vec4<f32>>;

var<workgroup> row : array<vec4<f32>, RowVec4s>; // of all heads

fn word_of(at : u32, word : u32) -> u32 {
  return source[word];
}

// Of a unit of the ring of latents, which may have another number of pages than that of fresh slots.
fn latent_unit(position : u32, kv_head : u32) -> u32 {
  let rings = arrayLength(&latents) / (params.kv_heads * SourceUnits);
  return (((position / PageSlots) % rings) * params.kv_heads + kv_head) * SourceUnits;
}

fn fresh4(part : u32, position : u32, u : u32) -> vec4<f32> {
  let d = u % HeadVec4s;
  let at = ring_unit(position, u / HeadVec4s);
  if (part == 1u) {
    return source_value4(at, d);
  }
  var key : vec4<f32>;
  for (var i = 0u; i < 4u; i++) {
    key[i] = unturned_key(at, position, 4u * d + i);
  }
  return key;
}

@compute @workgroup_size(Threads)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let position = params.first + workgroup.x;
  let part = workgroup.y;
  for (var u = local; u < RowVec4s; u += Threads) {
    row[u] = fresh4(part, position, u) - bias4(part, u);
  }
  workgroupBarrier();
  for (var u = local; u < RowVec4s; u += Threads) {
    var sums : vec4<f32>;
    for (var i = 0u; i < 4u; i++) {
      let first = row_of(part, 4u * u + i);
      for (var k = 0u; k < RowVec4s; k++) {
        sums[i] += dot(row[k], basis[first + k]);
      }
    }
    let d = u % HeadVec4s;
    let slot = position % PageSlots;
    let at = select(d * PageSlots + slot, (PageSlots + slot) * HeadVec4s + d, part == 1u);
    latents[latent_unit(position, u / HeadVec4s) + at] = sums * factors4(part, u);
  }
}
