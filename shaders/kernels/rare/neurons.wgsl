// sums[choice][split] += the columns of a choice's neurons that are on, times their activations, in the order of the neurons; of those that have
// a slot. Without experts a choice is a row. A thread takes four numbers of the results of Tokens choices of one expert and every neuron of a split:
// a column is read once for all choices that it is on in, which is the same for all threads of a workgroup.
struct Params {
  quads : u32,      // vec4s of the result
  parts : u32,      // workgroups that share these
  rows : u32,       // numbers of a column
  words : u32,      // of 32 neurons, of an expert
  slot_words : u32,
  first_word : u32, // of the column in a slot
  first_scale : u32, // word of the scales
  stride : u32,     // floats per choice of the input
}

override Scaled : bool = true; // by f16, which lie among the vectors

const WorkgroupSize : u32 = 64u;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> vectors : array<u32>;
@group(0) @binding(3) var<storage, read> input : array<f32>;
@group(0) @binding(4) var<storage, read> on_bits : array<u32>; // (choices, words)
@group(0) @binding(5) var<storage, read> table : array<u32>;
@group(0) @binding(8) var<storage, read_write> sums : array<vec4<f32>>;

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
  let mine = assigned_to(workgroup);
  let quad = workgroup.x % params.parts * WorkgroupSize + local;
  if (quad >= params.quads || mine.count == 0u) {
    return;
  }
  let split = workgroup.x / params.parts;
  let each = (params.words + Splits - 1u) / Splits;
  let end = min((split + 1u) * each, params.words);
  let first = mine.expert * params.words;
  var choices : array<u32, Tokens>;
  var sum : array<vec4<f32>, Tokens>;
  for (var t = 0u; t < Tokens; t++) {
    choices[t] = choice_at(mine.first + min(t, mine.count - 1u));
    sum[t] = sums[(choices[t] * Splits + split) * params.quads + quad];
  }
  for (var block = split * each; block < end; block++) {
    var bits = array<u32, Tokens>();
    var any = 0u;
    for (var t = 0u; t < Tokens; t++) {
      bits[t] = on_bits[choices[t] * params.words + block];
      any |= bits[t];
    }
    if (any == 0u) {
      continue;
    }
    var part = array<vec4<f32>, Tokens>();
    while (any != 0u) {
      let n = firstTrailingBit(any);
      any &= any - 1u;
      let slot = table[(first + block) * 32u + n];
      if (slot == NoSlot) {
        continue;
      }
      let column = column_quad(slot * params.slot_words + params.first_word, quad);
      for (var t = 0u; t < Tokens; t++) {
        if (((bits[t] >> n) & 1u) != 0u) {
          part[t] += input[choices[t] * params.stride + block * 32u + n] * column;
        }
      }
    }
    let scale = scale_quad(first + block, quad);
    for (var t = 0u; t < Tokens; t++) {
      sum[t] += part[t] * scale;
    }
  }
  for (var t = 0u; t < mine.count; t++) {
    sums[(choices[t] * Splits + split) * params.quads + quad] = sum[t];
  }
}
