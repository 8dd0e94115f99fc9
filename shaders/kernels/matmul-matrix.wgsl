// output[t][row] = dot(matrix[row], input[t]) (+ bias, add) for many rows of activations: the tiles of matmul, multiplied as
// subgroup matrices of M tokens, N rows and K columns. Each subgroup of Threads has a part of the tile's results.
requires subgroup_id;

const Columns : u32 = 32u;         // in workgroup memory at a time
const Stride : u32 = Columns + 8u; // of a row there, so that neighbours begin in other banks
const Subgroups : u32 = 256u / Threads;
const Across : u32 = Subgroups / Down; // parts of the 64 rows, as Down of the 64 tokens
const TokenBlocks : u32 = TileRows / Down / M;
const RowBlocks : u32 = TileRows / Across / N;

// In blocks of as many rows, or tokens, as a matrix has: an index of a block is clamped as it is, where an offset into all of them, clamped, would hide
// from compilers that it is aligned, and every half would be read by itself.
var<workgroup> weight_tile : array<array<Component, N * Stride>, TileRows / N>;
var<workgroup> input_tile : array<array<Component, M * Stride>, TileRows / M>;
var<workgroup> results : array<array<f32, M * N>, Subgroups>;
var<workgroup> parts : array<f32, 256>;
var<workgroup> sizes : array<f32, 64>; // of each token: the power of two that its largest activation reaches

// A power of two that a quarter of the activations of a token reach.
fn size_of(token : u32, quarter : u32) -> f32 {
  var most = vec4<f32>();
  for (var i = quarter; i < params.groups * 8u; i += 4u) {
    most = max(most, abs(input[token * (params.stride / 4u) + i]));
  }
  let largest = max(max(most.x, most.y), max(most.z, most.w));
  return max(bitcast<f32>(bitcast<u32>(largest) & 0x7f800000u), 0x1p-100f); // its exponent alone
}

// The activations of a token are multiplied by this, and its results divided.
fn token_scale(token : u32) -> f32 {
  return select(1.0, Reach / sizes[token], Reach > 0.0);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32, @builtin(subgroup_id) subgroup : u32) {
  let first_row = workgroup.x * TileRows;
  let first_token = workgroup.y * TileRows;
  let last_token = state.rows - 1u;
  let token_block = subgroup % Down * TokenBlocks;
  let row_block = subgroup / Down * RowBlocks;
  if (Reach > 0.0) {
    parts[local] = size_of(min(first_token + local / 4u, last_token), local % 4u);
    workgroupBarrier();
    if (local < 64u) {
      sizes[local] = max(max(parts[4u * local], parts[4u * local + 1u]), max(parts[4u * local + 2u], parts[4u * local + 3u]));
    }
    workgroupBarrier();
  }
  var sums : array<Result, TokenBlocks * RowBlocks>;
  for (var group = 0u; group < params.groups; group++) {
    if (local < 64u) {
      var w : Group;
      let panel = min(workgroup.x * 2u + local / PanelRows, params.panels - 1u);
      group_load(Row(panel * params.panel_words, local % PanelRows, params.blocks), group, &w);
      for (var i = 0u; i < Columns; i++) {
        weight_tile[local / N][local % N * Stride + i] = Component(w[i / 4u][i % 4u]);
      }
    } else {
      for (var i = local - 64u; i < 512u; i += 192u) {
        let token = i / 8u;
        let x = input[min(first_token + token, last_token) * (params.stride / 4u) + group * 8u + i % 8u] * token_scale(token);
        for (var j = 0u; j < 4u; j++) {
          input_tile[token / M][token % M * Stride + i % 8u * 4u + j] = Component(x[j]);
        }
      }
    }
    workgroupBarrier();
    for (var k = 0u; k < Columns; k += K) {
      var right : array<Right, RowBlocks>;
      for (var j = 0u; j < RowBlocks; j++) {
        right[j] = load_right(row_block + j, k);
      }
      for (var i = 0u; i < TokenBlocks; i++) {
        let left = load_left(token_block + i, k);
        for (var j = 0u; j < RowBlocks; j++) {
          sums[i * RowBlocks + j] = multiply_add(left, right[j], sums[i * RowBlocks + j]);
        }
      }
    }
    workgroupBarrier();
  }
  for (var block = 0u; block < TokenBlocks * RowBlocks; block++) {
    store_result(subgroup, sums[block]);
    workgroupBarrier();
    for (var i = local; i < Subgroups * M * N; i += 256u) {
      let part = i / (M * N); // the subgroup that it comes from
      let token = (part % Down * TokenBlocks + block / RowBlocks) * M + i % (M * N) / N;
      let row = (part / Down * RowBlocks + block % RowBlocks) * N + i % N;
      write_result(first_row + row, first_token + token, results[part][i % (M * N)] / token_scale(token));
    }
    workgroupBarrier();
  }
}
