// Normalises (optional, as norm/ has it) and rotates the heads of qkv[first + t]: queries to `query`, keys and values to the fresh pages.
// A thread makes 4 dimensions of one head (turn.wgsl); no head lies in two workgroups, which lets its format scale it.
struct Params {
  heads : u32,
  kv_heads : u32,
  head_dim : u32,
  head_vec4s : u32, // head_dim / 4 rounded up, at most Threads
  rope_dims : u32, // 0: no rotation
  first_angle : u32, // of this rope in `angles`: the low positions, then the high ones
  stride : u32,       // floats per row of qkv
  query_norm : u32,   // float index in `vectors`
  key_norm : u32,
  eps : f32,
  temperature : f32,
  period : u32, // positions after which queries grow
  queries : u32, // that are kept
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read> state : State;
@group(0) @binding(4) var<storage, read> qkv : array<f32>;
@group(0) @binding(5) var<storage, read> angles : array<vec2<f32>>; // cos, sin
@group(0) @binding(6) var<storage, read_write> query : array<vec4<f32>>; // (token, head, head_vec4s)
@group(0) @binding(7) var<storage, read_write> pages : array<Unit>;

@compute @workgroup_size(Threads)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let heads_here = Threads / params.head_vec4s;
  let head = workgroup.x * heads_here + local / params.head_vec4s;
  let slice = local % params.head_vec4s;
  let t = workgroup.y;
  let row = state.first + t;
  let position = state.position + t;
  let idle = local >= heads_here * params.head_vec4s || head >= params.heads + 2u * params.kv_heads || t >= state.rows;
  share_squares(row * params.stride, local);
  var result = vec4<f32>();
  if (!idle) {
    result = make(head, slice, row * params.stride + head * params.head_dim, position);
  }
  let scale = scale_of(result, local, local - slice, params.head_vec4s);
  if (idle) {
    return;
  }
  if (head < params.heads) {
    query[(row * params.heads + head) * params.head_vec4s + slice] = result;
    keep_query(position, head, slice, result);
    return;
  }
  let page = page_of(position, (head - params.heads) % params.kv_heads);
  if (head < params.heads + params.kv_heads) {
    put_key(page, position % 32u, slice, result, scale);
  } else {
    put_value(page, position % 32u, slice, result, scale);
  }
}
