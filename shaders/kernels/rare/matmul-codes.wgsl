// output[t][row] = dot(matrix[row], input[t]) (+ bias, add) for many rows of activations, as matmul, in integers: the codes of weights as they
// are stored, times activations rounded to `Bytes` signed bytes each with a scale per 32 of them, as in input/i8.wgsl. `factors_of` (factors/)
// has what a group of weights multiplies its codes with: two scales, then two minimums, of its first and of its last 16.

const Together : u32 = 2u; // groups of 32 columns in workgroup memory at a time: each thread stages one, of a row or of a token
const Most : f32 = 127.0 * f32(1u + 255u * (Bytes - 1u)); // of a rounded activation: 127, or 127 * 256
const Shift : f32 = 12582912.0; // 1.5 * 2^23: added to a number it leaves the rounded one in two's complement in the lower bits

// In planes of 16 rows, or tokens, as in matmul.wgsl. Words of codes: [plane][(group, half)][row % 16], and of activations behind the half the byte.
var<workgroup> weight_tile : array<array<vec4<u32>, Together * 32u>, 4>;
var<workgroup> input_tile : array<array<vec4<u32>, Together * 32u * Bytes>, 4>;
var<workgroup> weight_factors : array<vec4<f32>, Together * TileRows>;
var<workgroup> input_scales : array<f32, Together * TileRows>;
var<workgroup> input_sums : array<vec2<f32>, Together * TileRows>; // of the first and of the last 16, as rounded

// Of groups beyond the last one all activations are zero, whatever the weights.
fn stage_weights(panels : u32, row : u32, group : u32, place : u32) {
  let panel = min(panels + row / PanelRows, params.panels - 1u);
  let of_row = Row(panel * params.panel_words, row % PanelRows, params.blocks);
  let codes = codes_of(of_row, min(group, params.groups - 1u));
  let at = place * 32u + row % 16u;
  weight_tile[row / 16u][at] = codes.first;
  weight_tile[row / 16u][at + 16u] = codes.second;
  weight_factors[place * TileRows + row] = factors_of(of_row, min(group, params.groups - 1u));
}

// Bits of numbers without their signs, which are in the order of the numbers: infinities and what is no number come last.
fn sizes(x : vec4<f32>) -> vec4<u32> {
  return bitcast<vec4<u32>>(x) & vec4<u32>(0x7fffffffu);
}

fn largest_of(start : u32) -> u32 {
  let largest = max(max(sizes(input[start]), sizes(input[start + 1u])), max(sizes(input[start + 2u]), sizes(input[start + 3u])));
  return max(max(largest.x, largest.y), max(largest.z, largest.w));
}

// Half a group after the other, once for its largest and once to round it: all 32 and the sums are more than the registers of some GPUs.
fn stage_input(first_token : u32, line : u32, group : u32, place : u32) {
  let start = min(first_token + line, state.rows - 1u) * (params.stride / 4u) + min(group, params.groups - 1u) * 8u;
  var largest = 0u;
  for (var half = 0u; half < hidden_bound(2u, params.stride); half++) {
    largest = max(largest, largest_of(start + 4u * half));
  }
  let bits = select(0u, largest, group < params.groups);
  let most = bitcast<f32>(bits);
  let inverse = select(Most / most, 0.0, most < 1e-30);
  // Codes are always numbers: that an activation is none, or infinite, is told by their scale, as in input/i8.wgsl.
  let scale = bitcast<f32>(select(bitcast<u32>(most / Most), 0x7fc00000u, bits >= 0x7f800000u));
  for (var half = 0u; half < hidden_bound(2u, params.stride); half++) {
    var high : vec4<u32>;
    var low : vec4<u32>;
    var sum = vec4<i32>();
    for (var i = 0u; i < 4u; i++) {
      let codes = bitcast<vec4<i32>>(input[start + half * 4u + i] * inverse + Shift);
      sum += codes;
      low[i] = pack4xI8(codes); // which takes the lower byte of each
      if (Bytes == 2u) {
        high[i] = pack4xI8((codes + 128) >> vec4<u32>(8u));
      }
    }
    let at = (place * 2u + half) * 16u * Bytes + line % 16u;
    input_tile[line / 16u][at] = low;
    if (Bytes == 2u) {
      input_tile[line / 16u][at + 16u] = high;
    }
    input_sums[place * TileRows + line][half] = scale * f32(sum.x + sum.y + sum.z + sum.w - 16 * bitcast<i32>(Shift));
  }
  input_scales[place * TileRows + line] = scale;
}

// Sixteen codes of each of four rows times sixteen activations, and what there is.
fn add_dots(sum : vec4<i32>, w : array<vec4<u32>, 4>, x : vec4<u32>) -> vec4<i32> {
  var sums = sum;
  for (var i = 0u; i < 4u; i++) {
    sums += vec4<i32>(dot4I8Packed(w[0][i], x[i]), dot4I8Packed(w[1][i], x[i]), dot4I8Packed(w[2][i], x[i]), dot4I8Packed(w[3][i], x[i]));
  }
  return sums;
}

// One of the factors of four rows, 16 apart.
fn factors(row : u32, which : u32) -> vec4<f32> {
  return vec4<f32>(weight_factors[row][which], weight_factors[row + 16u][which], weight_factors[row + 32u][which], weight_factors[row + 48u][which]);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let first_row = workgroup.x * TileRows;
  let first_token = workgroup.y * TileRows;
  let column = local % 16u; // results: rows column + 16 i, tokens line + 16 j
  let line = local / 16u;
  var sums = array<vec4<f32>, 4>(); // [j][i]
  for (var group = 0u; group < params.groups; group += Together) {
    let place = local / TileRows % Together;
    if (local < Together * TileRows) {
      stage_weights(workgroup.x * 2u, local % TileRows, group + place, place);
    } else {
      stage_input(first_token, local % TileRows, group + place, place);
    }
    workgroupBarrier();
    for (var p = 0u; p < hidden_bound(Together, params.stride); p++) {
      let row = p * TileRows + column;
      let token = p * TileRows + line;
      // Half a group of each row after the other: both at once are more than the registers of some GPUs.
      for (var half = 0u; half < hidden_bound(2u, params.stride); half++) {
        let first = (p * 2u + half) * 16u + column;
        let w = array<vec4<u32>, 4>(weight_tile[0][first], weight_tile[1][first], weight_tile[2][first], weight_tile[3][first]);
        let at = (p * 2u + half) * 16u * Bytes + line;
        for (var j = 0u; j < 4u; j++) {
          if (j < params.stride) { // always, but no compiler reads the activations of all tokens ahead of it
            var of_half = vec4<i32>();
            if (Bytes == 2u && j < params.stride) { // always too: both bytes at once are more than Mali's registers
              of_half = add_dots(of_half, w, input_tile[j][at + 16u]) << vec4<u32>(8u);
            }
            of_half = add_dots(of_half, w, input_tile[j][at]);
            sums[j] += input_scales[token + 16u * j] * factors(row, select(half, 0u, OneScale)) * vec4<f32>(of_half);
          }
        }
      }
      for (var j = 0u; HasMinimum && j < 4u; j++) {
        let x = input_sums[token + 16u * j];
        if (OneScale) {
          sums[j] -= (x.x + x.y) * factors(row, 2u);
        } else {
          sums[j] -= x.x * factors(row, 2u) + x.y * factors(row, 3u);
        }
      }
    }
    workgroupBarrier();
  }
  for (var j = 0u; j < 4u; j++) {
    for (var i = 0u; i < 4u; i++) {
      write_result(first_row + column + 16u * i, first_token + line + 16u * j, sums[j][i]);
    }
  }
}
