// The rows of a step, a block after the other, through a state of (keys x values) per head: the matrix form of a scan. Of a block's rows,
// y = left q S + (pairs) added,  added = (inverse) (v - left k S) of a delta net or dt v of Mamba-2,  S = left S + kᵀ added,
// where the matrices between rows are those of scan-pairs.wgsl. A workgroup has `Quads` times four columns of one head in its memory; a
// thread takes four of them, of every so manieth row and then of every so manieth vec4 of the keys.
const Groups : u32 = 64u / Quads;      // threads that share four columns
const Rows : u32 = Block / Groups;     // rows of a thread
const Each : u32 = (Keys / 4u + Groups - 1u) / Groups; // vec4s of a key that it adds to
const Held : u32 = Keys * Quads;
const Asked : u32 = Block * Quads;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read> state : State;
@group(0) @binding(6) var<storage, read_write> output : array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> memory : array<vec4<f32>>; // (head, key / 4, value)
// (row, head, Record): what is left of the state, what of a key's answer (or dt), what of a query's, what of the row at the block's end; of
// each row of the block how it counts for this one, and of a delta net the inverse.
@group(0) @binding(8) var<storage, read> pairs : array<vec4<f32>>;

var<workgroup> held : array<vec4<f32>, Held>;   // (key, quad)
var<workgroup> asked : array<vec4<f32>, Asked>; // (row, quad): what a row adds, and of a delta net before what it would without the others

// The sum of four rows of `asked`, of each the share.
fn share_of(share : vec4<f32>, place : u32) -> vec4<f32> {
  return share.x * asked[place] + share.y * asked[place + Quads] + share.z * asked[place + 2u * Quads] + share.w * asked[place + 3u * Quads];
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  if (state.ended != 0u) {
    return;
  }
  let quad = local % Quads;
  let group = local / Quads;
  let head = workgroup.y;
  let own = 4u * (workgroup.x * Quads + quad);
  let column = min(own, params.value_dim - 4u);
  let values = (params.value + head * params.value_dim + column) / 4u;
  let row_vec4s = params.stride / 4u;
  let queries = params.query + key_head(head) * params.key_vec4s;
  let keys = params.key + key_head(head) * params.key_vec4s;
  let place = head * params.key_vec4s * params.value_dim;
  for (var at = group; at < params.key_vec4s; at += Groups) {
    var four = mat4x4<f32>(); // a column for each of the state's
    if (state.position != 0u) {
      let first = place + at * params.value_dim + column;
      four = transpose(mat4x4<f32>(memory[first], memory[first + 1u], memory[first + 2u], memory[first + 3u]));
    }
    let cell = 4u * at * Quads + quad;
    held[cell] = four[0];
    held[cell + Quads] = four[1];
    held[cell + 2u * Quads] = four[2];
    held[cell + 3u * Quads] = four[3];
  }
  for (var start = 0u; start < state.rows; start += Block) {
    let first = state.first + start;
    let rows = min(Block, state.rows - start);
    workgroupBarrier();
    var by_key = array<vec4<f32>, Rows>();
    var by_query = array<vec4<f32>, Rows>();
    for (var at = 0u; at < params.key_vec4s; at++) {
      let cell = 4u * at * Quads + quad;
      let h0 = held[cell];
      let h1 = held[cell + Quads];
      let h2 = held[cell + 2u * Quads];
      let h3 = held[cell + 3u * Quads];
      for (var r = 0u; r < Rows; r++) {
        let row = (first + min(group + r * Groups, rows - 1u)) * row_vec4s + at;
        let query = input[row + queries];
        by_query[r] += query.x * h0 + query.y * h1 + query.z * h2 + query.w * h3;
        if (Delta == 1u) {
          let key = input[row + keys];
          by_key[r] += key.x * h0 + key.y * h1 + key.z * h2 + key.w * h3;
        }
      }
    }
    for (var r = 0u; r < Rows; r++) {
      let t = group + r * Groups;
      let row = first + min(t, rows - 1u);
      let taken = pairs[(row * params.heads + head) * Record].y;
      let value = input[row * row_vec4s + values];
      asked[t * Quads + quad] = select(vec4<f32>(), select(taken * value, value - taken * by_key[r], Delta == 1u), t < rows);
    }
    workgroupBarrier();
    if (Delta == 1u) {
      var added = array<vec4<f32>, Rows>();
      for (var i = 0u; i < rows; i += 4u) {
        for (var r = 0u; r < Rows; r++) {
          let row = first + min(group + r * Groups, rows - 1u);
          added[r] += share_of(pairs[(row * params.heads + head) * Record + 1u + (Block + i) / 4u], i * Quads + quad);
        }
      }
      workgroupBarrier();
      for (var r = 0u; r < Rows; r++) {
        let t = group + r * Groups;
        asked[t * Quads + quad] = select(vec4<f32>(), added[r], t < rows);
      }
      workgroupBarrier();
    }
    for (var r = 0u; r < Rows; r++) {
      let t = group + r * Groups;
      if (t >= rows) {
        continue;
      }
      let record = ((first + t) * params.heads + head) * Record;
      var result = pairs[record].z * by_query[r];
      for (var i = 0u; i <= t; i += 4u) {
        result += share_of(pairs[record + 1u + i / 4u], i * Quads + quad);
      }
      if (HasSkip) {
        result += vector(params.skip + head) * input[(first + t) * row_vec4s + values];
      }
      if (own < params.value_dim) {
        output[((first + t) * params.output_stride + head * params.value_dim + own) / 4u] = result;
      }
    }
    var more = array<vec4<f32>, 4u * Each>();
    for (var t = 0u; t < rows; t++) {
      let added = pairs[((first + t) * params.heads + head) * Record].w * asked[t * Quads + quad];
      for (var i = 0u; i < Each; i++) {
        let key = input[(first + t) * row_vec4s + keys + min(group + i * Groups, params.key_vec4s - 1u)];
        for (var n = 0u; n < 4u; n++) {
          more[4u * i + n] += key[n] * added;
        }
      }
    }
    let left = pairs[((first + rows - 1u) * params.heads + head) * Record].x;
    for (var i = 0u; i < Each; i++) {
      let at = group + i * Groups;
      if (at < params.key_vec4s) {
        for (var n = 0u; n < 4u; n++) {
          let cell = (4u * at + n) * Quads + quad;
          held[cell] = left * held[cell] + more[4u * i + n];
        }
      }
    }
  }
  // Each thread reads back what it wrote itself.
  if (own < params.value_dim) {
    for (var at = group; at < params.key_vec4s; at += Groups) {
      let cell = 4u * at * Quads + quad;
      let four = transpose(mat4x4<f32>(held[cell], held[cell + Quads], held[cell + 2u * Quads], held[cell + 3u * Quads]));
      let first = place + at * params.value_dim + own;
      memory[first] = four[0];
      memory[first + 1u] = four[1];
      memory[first + 2u] = four[2];
      memory[first + 3u] = four[3];
    }
  }
}
