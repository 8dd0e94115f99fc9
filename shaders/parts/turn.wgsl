// How a head of qkv becomes a query, a key or a value: normed (optional, as norm/ has it) and rotated. The kernel binds qkv and angles,
// two tables: cos and sin of (position & 255), then of (position & ~255), each (position, pair).
const LowPositions : u32 = 256u; // of the low table of angles
override Halves : bool = false; // pairs (i, i + rope_dims / 2), else (2i, 2i + 1)
override HasNorm : bool = false;
override NormLast : bool = false; // it follows the rotation
override ValueNorm : bool = false;
override Tempered : bool = false; // queries are multiplied by 1 + temperature * log(1 + floor(position / period))

// By the addition theorem, since the sine of a GPU may be off by 2^-11.
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
  return value * scale * vector(norm + d);
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
      result[i] *= scale * vector(norm + d);
    }
  }
  if (Tempered && head < params.heads) {
    result *= 1.0 + params.temperature * log(f32(1u + position / params.period));
  }
  return result;
}
