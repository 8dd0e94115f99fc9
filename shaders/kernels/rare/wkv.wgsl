// The rows of a step, one after the other, through a state of (keys x values) per head: RWKV-7's. As in a scan, a workgroup has some columns
// of one head in registers, `Splits` threads share a column, and what a row is answered comes from the state before it plus what the row
// adds, so that one barrier per row is enough.
struct Params {
  head_dim : u32,
  asked_stride : u32,
  value_stride : u32,
  output_stride : u32,
}

const Columns : u32 = 64u / Splits;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read> state : State;
@group(0) @binding(4) var<storage, read> asked : array<vec4<f32>>; // (row, head, 5, key / 4): wkv-ask
@group(0) @binding(5) var<storage, read> values : array<f32>;
@group(0) @binding(6) var<storage, read_write> output : array<f32>;
@group(0) @binding(7) var<storage, read_write> memory : array<vec4<f32>>; // (head, key / 4, value)

var<workgroup> sums : array<vec4<f32>, 128>; // (turn, split, column)

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  if (state.ended != 0u) {
    return;
  }
  let split = local / Columns;
  let head = workgroup.y;
  let own = workgroup.x * Columns + local % Columns;
  let column = min(own, params.head_dim - 1u);
  let vec4s = params.head_dim / 4u;
  let place = head * vec4s * params.head_dim + column;
  var held : array<vec4<f32>, Each>;
  if (state.position != 0u) {
    for (var i = 0u; i < Each; i++) {
      held[i] = memory[place + min(split + i * Splits, vec4s - 1u) * params.head_dim];
    }
  }
  for (var t = 0u; t < state.rows; t++) {
    let row = state.first + t;
    let start = row * (params.asked_stride / 4u) + 5u * head * vec4s;
    // State and key, state and what is asked of it behind its decay; what is taken and what is added, asked.
    var found = vec4<f32>();
    for (var i = 0u; i < Each; i++) {
      let at = split + i * Splits;
      if (at < vec4s) {
        let query = asked[start + 4u * vec4s + at];
        found += vec4<f32>(
          dot(held[i], asked[start + at]), dot(held[i], query * asked[start + 3u * vec4s + at]),
          dot(asked[start + vec4s + at], query), dot(asked[start + 2u * vec4s + at], query));
      }
    }
    if (Splits > 1u) {
      let turn = (t & 1u) * 64u;
      sums[turn + local] = found;
      workgroupBarrier();
      found = vec4<f32>();
      for (var i = 0u; i < Splits; i++) {
        found += sums[turn + i * Columns + local % Columns];
      }
    }
    let value = values[row * params.value_stride + head * params.head_dim + column];
    for (var i = 0u; i < Each; i++) {
      let at = start + min(split + i * Splits, vec4s - 1u);
      held[i] = asked[at + 3u * vec4s] * held[i] - asked[at + vec4s] * found.x + asked[at + 2u * vec4s] * value;
    }
    if (split == 0u && own < params.head_dim) {
      output[row * params.output_stride + head * params.head_dim + column] = found.y - found.x * found.z + value * found.w;
    }
  }
  if (own < params.head_dim) {
    for (var i = 0u; i < Each; i++) {
      let at = split + i * Splits;
      if (at < vec4s) {
        memory[place + at * params.head_dim] = held[i];
      }
    }
  }
}
