// sums[row][split] += the columns of a row's neurons that are on, times their activations, in the order of the neurons; of those that have
// a slot. A thread takes four numbers of the result and every neuron of a split.
struct Params {
  quads : u32,      // vec4s of the result
  rows : u32,       // numbers of a column
  words : u32,      // of 32 neurons
  slot_words : u32,
  first_scale : u32, // word of the scales
  stride : u32,     // floats per row of the input
}

override Scaled : bool = true; // by f16, which lie among the vectors

const WorkgroupSize : u32 = 64u;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> vectors : array<u32>;
@group(0) @binding(3) var<storage, read> input : array<f32>;
@group(0) @binding(4) var<storage, read> on_bits : array<u32>; // (rows, words)
@group(0) @binding(5) var<storage, read> table : array<u32>;
@group(0) @binding(6) var<storage, read_write> sums : array<vec4<f32>>;

// What 32 neighbours of four rows of the matrix share.
fn scale_quad(block : u32, quad : u32) -> vec4<f32> {
  if (!Scaled) {
    return vec4<f32>(1.0);
  }
  let at = params.first_scale + (block * params.rows + 4u * quad) / 2u;
  return vec4<f32>(halves(vectors[at]), halves(vectors[at + 1u]));
}

@compute @workgroup_size(WorkgroupSize)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let quad = workgroup.x * WorkgroupSize + local;
  if (quad >= params.quads) {
    return;
  }
  let row = workgroup.z;
  let each = (params.words + Splits - 1u) / Splits;
  let end = min((workgroup.y + 1u) * each, params.words);
  let place = (row * Splits + workgroup.y) * params.quads + quad;
  var sum = sums[place];
  for (var block = workgroup.y * each; block < end; block++) {
    var bits = on_bits[row * params.words + block];
    if (bits == 0u) {
      continue;
    }
    var part = vec4<f32>();
    while (bits != 0u) {
      let neuron = block * 32u + firstTrailingBit(bits);
      bits &= bits - 1u;
      let slot = table[neuron];
      if (slot != NoSlot) {
        part += input[row * params.stride + neuron] * column_quad(slot * params.slot_words, quad);
      }
    }
    sum += part * scale_quad(block, quad);
  }
  sums[place] = sum;
}
