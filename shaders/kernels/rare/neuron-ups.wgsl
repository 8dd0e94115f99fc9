// hidden[choice][neuron] = ReLU(gate) * dot(up row of the neuron, input of the choice's row), of the neurons that are on and have a slot: where the
// gate was. A workgroup takes 32 neurons of an expert (or of a layer without experts) and Tokens choices: an up row is read once for all of these. Eight
// threads share a neuron, each with every eighth quad, so that eight neurons take two barriers; the order of a sum is the same beside whichever others.
struct Params {
  words : u32,       // of 32 neurons, of an expert
  quads : u32,       // vec4s of an up row
  slot_words : u32,
  first_scale : u32, // word of its scales in a slot
  stride : u32,      // floats per choice of the gates
  used : u32,        // choices of a row
  input_stride : u32, // floats per row
}

override Scaled : bool = true; // by f16, one to 32 neighbours

const Lanes : u32 = 8u; // threads to a neuron
const Together : u32 = 8u; // neurons
const WorkgroupSize : u32 = 64u; // Lanes * Together

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> input : array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> on_bits : array<u32>; // (choices, words)
@group(0) @binding(4) var<storage, read_write> hidden : array<f32>;
@group(0) @binding(5) var<storage, read> table : array<u32>;

var<workgroup> partials : array<f32, WorkgroupSize * Tokens>; // (Together, Tokens, Lanes)

// What the row's 32 numbers around a quad share.
fn up_scale(start : u32, quad : u32) -> f32 {
  if (!Scaled) {
    return 1.0;
  }
  let both = halves(word(start + params.first_scale + quad / 16u));
  return select(both.x, both.y, (quad & 8u) != 0u);
}

// The bits from number `n` on of those that are set.
fn without(bits : u32, n : u32) -> u32 {
  var left = bits;
  for (var i = 0u; i < n; i++) {
    left &= left - 1u;
  }
  return left;
}

@compute @workgroup_size(WorkgroupSize)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let mine = assigned_to(workgroup);
  if (mine.count == 0u) {
    return;
  }
  let first = (mine.expert * params.words + workgroup.x) * 32u;
  var choices : array<u32, Tokens>;
  var bits : array<u32, Tokens>;
  var any = 0u;
  for (var t = 0u; t < Tokens; t++) {
    choices[t] = choice_at(mine.first + min(t, mine.count - 1u));
    bits[t] = select(0u, on_bits[choices[t] * params.words + workgroup.x], t < mine.count);
    any |= bits[t];
  }
  let lane = local % Lanes;
  let group = local / Lanes;
  for (var rest = any; rest != 0u; rest = without(rest, Together)) {
    let own = without(rest, group);
    var sums = array<f32, Tokens>();
    if (own != 0u) {
      let n = firstTrailingBit(own);
      let slot = table[first + n];
      if (slot != NoSlot) {
        let start = slot * params.slot_words;
        for (var quad = lane; quad < params.quads; quad += Lanes) {
          let up = up_scale(start, quad) * column_quad(start, quad);
          for (var t = 0u; t < Tokens; t++) {
            if (((bits[t] >> n) & 1u) != 0u) {
              sums[t] += dot(up, input[choices[t] / params.used * (params.input_stride / 4u) + quad]);
            }
          }
        }
      }
    }
    for (var t = 0u; t < Tokens; t++) {
      partials[(group * Tokens + t) * Lanes + lane] = sums[t];
    }
    workgroupBarrier();
    for (var i = local; i < Together * Tokens; i += WorkgroupSize) {
      let t = i % Tokens;
      let its = without(rest, i / Tokens);
      let n = firstTrailingBit(its);
      if (its == 0u || ((bits[t] >> (n & 31u)) & 1u) == 0u || table[first + n] == NoSlot) {
        continue;
      }
      var sum = 0.0;
      for (var part = 0u; part < Lanes; part++) {
        sum += partials[i * Lanes + part];
      }
      let place = choices[t] * params.stride + workgroup.x * 32u + n;
      hidden[place] *= sum; // whose gate is on: above 0, or not a number, which stays so
    }
    workgroupBarrier();
  }
}
