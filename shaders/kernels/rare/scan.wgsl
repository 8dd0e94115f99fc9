// The rows of a step, one after the other, through a state of (keys x values) per head. A workgroup has some columns of one head
// in registers: `Splits` threads share a column, each with every Splits-th vec4 of it, and add up what they find once per row.
// What a row is asked comes from that sum too, by what the row adds times the product of query and key, so that one barrier
// per row is enough: sums are written in turns to one of two places.
const Columns : u32 = 64u / Splits;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read> state : State;
@group(0) @binding(6) var<storage, read_write> output : array<f32>;
@group(0) @binding(7) var<storage, read_write> memory : array<vec4<f32>>; // (head, key / 4, value)

var<workgroup> sums : array<vec4<f32>, 128>; // (turn, split, column)
var<workgroup> squares : array<f32, 128>;    // the same, of queries

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  if (state.ended != 0u) {
    return;
  }
  let split = local / Columns;
  let head = workgroup.y;
  let own = workgroup.x * Columns + local % Columns;
  let column = min(own, params.value_dim - 1u);
  let place = head * params.key_vec4s * params.value_dim + column;
  var held : array<vec4<f32>, Each>;
  if (state.position != 0u) {
    for (var i = 0u; i < Each; i++) {
      held[i] = memory[place + min(split + i * Splits, params.key_vec4s - 1u) * params.value_dim];
    }
  }
  let keys_of = key_head(head) * params.key_vec4s;
  for (var t = 0u; t < state.rows; t++) {
    let row = state.first + t;
    let q = row * (params.stride / 4u) + params.query + keys_of;
    let k = row * (params.stride / 4u) + params.key + keys_of;
    // State and key, state and query, key and query, key and key.
    var found = vec4<f32>();
    var squared = 0.0;
    for (var i = 0u; i < Each; i++) {
      let at = split + i * Splits;
      if (at < params.key_vec4s) {
        let key = input[k + at];
        let query = input[q + at];
        found += vec4<f32>(dot(held[i], key), dot(held[i], query), dot(key, query), dot(key, key));
        squared += dot(query, query);
      }
    }
    if (Splits > 1u) {
      let turn = (t & 1u) * 64u;
      sums[turn + local] = found;
      squares[turn + local] = squared;
      workgroupBarrier();
      found = vec4<f32>();
      squared = 0.0;
      for (var i = 0u; i < Splits; i++) {
        found += sums[turn + i * Columns + local % Columns];
        squared += squares[turn + i * Columns + local % Columns];
      }
    }
    let change = change_of(row, head, column, found, squared);
    for (var i = 0u; i < Each; i++) {
      let at = min(split + i * Splits, params.key_vec4s - 1u);
      held[i] = change.decay * held[i] + change.added * input[k + at];
    }
    if (split == 0u && own < params.value_dim) {
      output[row * params.output_stride + head * params.value_dim + column] = change.result;
    }
  }
  if (own < params.value_dim) {
    for (var i = 0u; i < Each; i++) {
      let at = split + i * Splits;
      if (at < params.key_vec4s) {
        memory[place + at * params.value_dim] = held[i];
      }
    }
  }
}
