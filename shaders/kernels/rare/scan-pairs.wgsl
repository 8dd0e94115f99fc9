// What the rows of a block have to do with each other in a scan by blocks (scan-blocks.wgsl): what is left of an earlier row at a later one,
// times the product of the later one's query and the earlier one's key. A delta net takes of a value what the state knows of it, so each row
// adds what depends on what earlier rows added: (I + A) added = beta (value - known), with A below the diagonal, whose inverse is made here.
// A workgroup takes one block of one head.
const Cells : u32 = Block * Block;

override Lean : bool = false; // sums of queries and of keys are more than a thread has registers for: one after the other

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read> state : State;
@group(0) @binding(6) var<storage, read_write> pairs : array<vec4<f32>>; // (row, head, Record): see scan-blocks.wgsl

var<workgroup> steps : array<f32, Block>;
var<workgroup> betas : array<f32, Block>;
var<workgroup> passed : array<f32, Block>; // logarithm of what is left of the state before the block
var<workgroup> query_sizes : array<f32, Block>;
var<workgroup> key_sizes : array<f32, Block>;
var<workgroup> known : array<f32, Cells>;  // A, (later row, earlier row)
var<workgroup> solved : array<f32, Cells>; // its inverse with the diagonal

fn passed_at(first : u32) -> vec4<f32> {
  return vec4<f32>(passed[first], passed[first + 1u], passed[first + 2u], passed[first + 3u]);
}

fn key_sizes_at(first : u32) -> vec4<f32> {
  return vec4<f32>(key_sizes[first], key_sizes[first + 1u], key_sizes[first + 2u], key_sizes[first + 3u]);
}

fn betas_at(first : u32) -> vec4<f32> {
  return vec4<f32>(betas[first], betas[first + 1u], betas[first + 2u], betas[first + 3u]);
}

// What is left of four rows from `i` on at a later one, times the lengths of their keys.
fn left_at(row : u32, i : u32) -> vec4<f32> {
  return exp(min(vec4<f32>(passed[row]) - passed_at(i), vec4<f32>())) * key_sizes_at(i);
}

// Queries and keys of four rows from `t` on times the keys of four from `i` on; zeros where those are later.
struct Products {
  by_query : array<vec4<f32>, 4>,
  by_key : array<vec4<f32>, 4>,
}

fn products(first : u32, rows : u32, queries : u32, keys : u32, t : u32, i : u32, of_queries : bool, of_keys : bool) -> Products {
  let row_vec4s = params.stride / 4u;
  var sums : Products;
  if (i > t) {
    return sums;
  }
  for (var at = 0u; at < params.key_vec4s; at++) {
    var earlier : array<vec4<f32>, 4>;
    for (var n = 0u; n < 4u; n++) {
      earlier[n] = input[(first + min(i + n, rows - 1u)) * row_vec4s + keys + at];
    }
    for (var n = 0u; n < 4u; n++) {
      let row = (first + min(t + n, rows - 1u)) * row_vec4s + at;
      if (of_queries) {
        let x = input[row + queries];
        sums.by_query[n] += vec4<f32>(dot(x, earlier[0]), dot(x, earlier[1]), dot(x, earlier[2]), dot(x, earlier[3]));
      }
      if (of_keys) {
        let k = input[row + keys];
        sums.by_key[n] += vec4<f32>(dot(k, earlier[0]), dot(k, earlier[1]), dot(k, earlier[2]), dot(k, earlier[3]));
      }
    }
  }
  return sums;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let start = workgroup.x * Block;
  if (state.ended != 0u || start >= state.rows) {
    return;
  }
  let head = workgroup.y;
  let first = state.first + start;
  let rows = min(Block, state.rows - start);
  let row_vec4s = params.stride / 4u;
  let queries = params.query + key_head(head) * params.key_vec4s;
  let keys = params.key + key_head(head) * params.key_vec4s;
  if (local < Block) {
    let row = first + min(local, rows - 1u);
    steps[local] = step_of(row, head);
    if (Delta == 1u) {
      betas[local] = 1.0 / (1.0 + exp(-clamp(scalars[row * params.scalar_stride + params.beta + head], -80.0, 80.0)));
    }
  }
  workgroupBarrier();
  if (local < Block) {
    var sum = 0.0;
    for (var i = 0u; i <= local; i++) {
      sum += steps[i];
    }
    passed[local] = sum * vector(params.decay + head);
  }
  if (Delta == 1u) { // lengths of a query, or of a key
    let row = (first + min(local % Block, rows - 1u)) * row_vec4s + select(queries, keys, local >= Block);
    var squared = 0.0;
    for (var at = 0u; at < params.key_vec4s; at++) {
      squared += dot(input[row + at], input[row + at]);
    }
    let size = inverseSqrt(squared + params.eps);
    if (local < Block) {
      query_sizes[local] = params.scale * size;
    } else {
      key_sizes[local - Block] = size;
    }
  } else if (local < Block) {
    query_sizes[local] = 1.0;
    key_sizes[local] = 1.0;
  }
  workgroupBarrier();
  let t = 4u * (local / 8u);
  let i = 4u * (local % 8u);
  let column = vec4<u32>(i, i + 1u, i + 2u, i + 3u);
  let found = products(first, rows, queries, keys, t, i, true, Delta == 1u && !Lean);
  for (var n = 0u; n < 4u; n++) {
    let row = t + n;
    if (row < rows) {
      pairs[((first + row) * params.heads + head) * Record + 1u + i / 4u] =
        select(vec4<f32>(), query_sizes[row] * left_at(row, i) * found.by_query[n], column <= vec4<u32>(row));
    }
  }
  if (Delta == 1u) {
    var by_key = found.by_key;
    if (Lean) {
      by_key = products(first, rows, queries, keys, t, i, false, true).by_key;
    }
    for (var n = 0u; n < 4u; n++) {
      let row = t + n;
      let taken = select(vec4<f32>(), betas[row] * key_sizes[row] * left_at(row, i) * by_key[n], column < vec4<u32>(row));
      for (var c = 0u; c < 4u; c++) {
        known[row * Block + i + c] = taken[c];
      }
    }
  }
  if (local < rows) {
    let left = exp(passed[local]);
    pairs[((first + local) * params.heads + head) * Record] = vec4<f32>(
      left, select(steps[local], left * key_sizes[local], Delta == 1u), left * query_sizes[local],
      key_sizes[local] * exp(min(passed[rows - 1u] - passed[local], 0.0)));
  }
  if (Delta == 1u) {
    workgroupBarrier();
    if (local < Block) { // a column of the inverse for each thread, from the diagonal down
      for (var row = 0u; row < rows; row++) {
        var sum = select(0.0, 1.0, row == local);
        for (var each = local; each < row; each++) {
          sum -= known[row * Block + each] * solved[each * Block + local];
        }
        solved[row * Block + local] = sum;
      }
    }
    workgroupBarrier();
    for (var at = local; at < rows * (Block / 4u); at += 64u) {
      let row = at / (Block / 4u);
      let each = 4u * (at % (Block / 4u));
      let cell = row * Block + each;
      pairs[((first + row) * params.heads + head) * Record + 1u + (Block + each) / 4u] =
        vec4<f32>(solved[cell], solved[cell + 1u], solved[cell + 2u], solved[cell + 3u]) * betas_at(each);
    }
  }
}
