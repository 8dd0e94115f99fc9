// Activations in workgroup memory for a matvec, as 256 * high + low of two signed bytes, with a scale per 32 of them: one byte
// each would cost a KL divergence of some 1e-3. Products with the codes of weights and their sums are exact in integers;
// `input_dot` is in i8/, by how a type scales its codes. `Groups` of 32 columns at a time.

// 16 activations, four to a word.
struct Bytes {
  high : vec4<u32>,
  low : vec4<u32>,
}

struct Input {
  first : Bytes,  // activations 0 to 15
  second : Bytes, // activations 16 to 31
  scale : f32,
}

const Most = 127.0 * 256.0; // of a code, so that its high byte fits
const Shift = 12582912.0; // 1.5 * 2^23: added to a number it leaves the rounded one in two's complement in the lower bits

var<workgroup> staged : array<Input, Groups>;
var<workgroup> staged_sums : array<vec2<f32>, Groups>; // of the first and of the last 16, as rounded

// Bits of numbers without their signs, which are in the order of the numbers: infinities and what is no number come last.
fn sizes(x : vec4<f32>) -> vec4<u32> {
  return bitcast<vec4<u32>>(x) & vec4<u32>(0x7fffffffu);
}

fn stage(place : u32, x : ptr<function, Group>) {
  var largest = sizes((*x)[0]);
  for (var i = 1u; i < 8u; i++) {
    largest = max(largest, sizes((*x)[i]));
  }
  let bits = max(max(largest.x, largest.y), max(largest.z, largest.w));
  let most = bitcast<f32>(bits);
  let inverse = select(Most / most, 0.0, most < 1e-30);
  var high : array<u32, 8>;
  var low : array<u32, 8>;
  var sums = array<i32, 2>();
  for (var i = 0u; i < 8u; i++) {
    if (i % 2u == 0u || i < params[Slot].stride) { // always, but no compiler rounds all of them at once, which is more than the registers of some GPUs
      let codes = bitcast<vec4<i32>>((*x)[i] * inverse + Shift) - bitcast<i32>(Shift);
      high[i] = pack4xI8((codes + 128) >> vec4<u32>(8u));
      low[i] = pack4xI8(codes); // which takes the lower byte of each
      sums[i >> 2u] += codes.x + codes.y + codes.z + codes.w;
    }
  }
  // Codes are always numbers: that an activation is none, or infinite, is told by their scale. By bits, as compilers may take all floats for numbers.
  let scale = bitcast<f32>(select(bitcast<u32>(most / Most), 0x7fc00000u, bits >= 0x7f800000u));
  let first = Bytes(vec4<u32>(high[0], high[1], high[2], high[3]), vec4<u32>(low[0], low[1], low[2], low[3]));
  let second = Bytes(vec4<u32>(high[4], high[5], high[6], high[7]), vec4<u32>(low[4], low[5], low[6], low[7]));
  staged[place] = Input(first, second, scale);
  staged_sums[place] = scale * vec2<f32>(f32(sums[0]), f32(sums[1]));
}

fn byte_dot16(a : vec4<u32>, b : vec4<u32>) -> i32 {
  return dot4I8Packed(a.x, b.x) + dot4I8Packed(a.y, b.y) + dot4I8Packed(a.z, b.z) + dot4I8Packed(a.w, b.w);
}

// Sixteen codes of weights times sixteen of activations.
fn integer_dot16(codes : vec4<u32>, x : Bytes) -> i32 {
  return 256 * byte_dot16(codes, x.high) + byte_dot16(codes, x.low);
}

var<private> squares : f32; // this thread's share of the sum

// Puts groups of the input into workgroup memory, each once for all rows: times the norm's weights, rounded.
fn stage_groups(start : u32, first : u32, count : u32, local : u32) {
  if (first > 0u) {
    workgroupBarrier();
  }
  for (var place = local; place < count; place += RowsEach * Splits) {
    var x : Group;
    squares += load_group(start, first + place, &x);
    stage(place, &x);
  }
  if (HasNorm) {
    leave_squares(squares, local);
  }
  workgroupBarrier();
}

// A group of the input; returns the sums of its first and of its last 16.
fn input_at(start : u32, group : u32, place : u32, x : ptr<function, Input>) -> vec2<f32> {
  *x = staged[place];
  return staged_sums[place];
}

// The sum of squares of the input, after all of it was read.
fn input_squares(lane : u32, split : u32) -> f32 {
  return total_squares(lane, split);
}
