// sums[row][split] += the columns of a row's neurons that are on, times their activations, in the order of the neurons; of those that have
// a slot. A thread takes four numbers of the results of `Rows` rows and every neuron of a split: a column is read once for all rows that it is on
// in, which is the same for all threads of a workgroup.
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
@group(0) @binding(7) var<storage, read> state : State;

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
  let row = workgroup.z * Rows;
  let each = (params.words + Splits - 1u) / Splits;
  let end = min((workgroup.y + 1u) * each, params.words);
  let place = (row * Splits + workgroup.y) * params.quads + quad;
  let next = Splits * params.quads; // from a row to the next one
  let last = min(Rows, state.rows - row) - 1u;
  var sum : array<vec4<f32>, Rows>;
  for (var r = 0u; r < Rows; r++) {
    sum[r] = sums[place + min(r, last) * next];
  }
  for (var block = workgroup.y * each; block < end; block++) {
    var bits = array<u32, Rows>();
    var any = 0u;
    for (var r = 0u; r < Rows; r++) {
      bits[r] = on_bits[(row + min(r, last)) * params.words + block];
      any |= bits[r];
    }
    if (any == 0u) {
      continue;
    }
    var part = array<vec4<f32>, Rows>();
    while (any != 0u) {
      let n = firstTrailingBit(any);
      any &= any - 1u;
      let neuron = block * 32u + n;
      let slot = table[neuron];
      if (slot == NoSlot) {
        continue;
      }
      let column = column_quad(slot * params.slot_words, quad);
      for (var r = 0u; r < Rows; r++) {
        if (((bits[r] >> n) & 1u) != 0u) {
          part[r] += input[(row + min(r, last)) * params.stride + neuron] * column;
        }
      }
    }
    let scale = scale_quad(block, quad);
    for (var r = 0u; r < Rows; r++) {
      sum[r] += part[r] * scale;
    }
  }
  for (var r = 0u; r < Rows; r++) {
    if (r <= last) {
      sums[place + r * next] = sum[r];
    }
  }
}
