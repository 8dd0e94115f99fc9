// Normalises (optional, as norm/ has it) and rotates the heads of qkv[first + t]: queries to `query`, keys and values to the fresh pages.
// A thread makes 4 dimensions of one head; no head lies in two workgroups, which lets its format scale it. Angles come from
// two tables by the addition theorem, since the sine of a GPU may be off by 2^-11: cos and sin of (position & 255), then of
// (position & ~255), each (position, pair).
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

const LowPositions : u32 = 256u; // of the low table of angles
override Halves : bool = false; // pairs (i, i + rope_dims / 2), else (2i, 2i + 1)
override HasNorm : bool = false;
override NormLast : bool = false; // it follows the rotation
override ValueNorm : bool = false;
override Tempered : bool = false; // queries are multiplied by 1 + temperature * log(1 + floor(position / period))

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> vectors : array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> state : State;
@group(0) @binding(4) var<storage, read> qkv : array<f32>;
@group(0) @binding(5) var<storage, read> angles : array<vec2<f32>>; // cos, sin
@group(0) @binding(6) var<storage, read_write> query : array<vec4<f32>>; // (token, head, head_vec4s)
@group(0) @binding(7) var<storage, read_write> pages : array<Unit>;

fn angle(position : u32, pair : u32) -> vec2<f32> {
  let pairs = params.rope_dims / 2u;
  let a = angles[params.first_angle + (position % LowPositions) * pairs + pair];
  let b = angles[params.first_angle + (LowPositions + position / LowPositions) * pairs + pair];
  return vec2<f32>(a.x * b.x - a.y * b.y, a.y * b.x + a.x * b.y);
}

// Dimension d of the head that starts at `start`, after the norm if that comes first.
fn normed(start : u32, d : u32, scale : f32, norm : u32) -> f32 {
  let value = qkv[start + d];
  if (!HasNorm || NormLast) {
    return value;
  }
  return value * scale * vectors[(norm + d) / 4u][(norm + d) % 4u];
}

// 4 dimensions of a head (query heads, then key heads, then value heads) as the kernels of attention take them.
fn make(head : u32, slice : u32, start : u32, position : u32) -> vec4<f32> {
  let is_value = head >= params.heads + params.kv_heads;
  var scale = 1.0;
  let norm = select(params.key_norm, params.query_norm, head < params.heads) + first_weight(head);
  if ((HasNorm && !is_value) || (ValueNorm && is_value)) {
    scale = inverseSqrt(mean_square(start, head) + params.eps);
  }
  var result = vec4<f32>();
  for (var i = 0u; i < 4u; i++) {
    let d = slice * 4u + i;
    if (d >= params.head_dim) {
      break;
    }
    if (is_value) {
      result[i] = qkv[start + d] * scale;
    } else if (d >= params.rope_dims) {
      result[i] = normed(start, d, scale, norm);
    } else {
      let pairs = params.rope_dims / 2u;
      let second = select((d & 1u) == 1u, d >= pairs, Halves);
      let pair = select(d / 2u, d % pairs, Halves);
      let other = select(d ^ 1u, select(d + pairs, d - pairs, d >= pairs), Halves);
      let turn = angle(position, pair);
      let sine = select(-turn.y, turn.y, second);
      result[i] = normed(start, d, scale, norm) * turn.x + normed(start, other, scale, norm) * sine;
    }
    if (HasNorm && NormLast && !is_value) {
      result[i] *= scale * vectors[(norm + d) / 4u][(norm + d) % 4u];
    }
  }
  if (Tempered && head < params.heads) {
    result *= 1.0 + params.temperature * log(f32(1u + position / params.period));
  }
  return result;
}

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
