// Codes, scales and minimums as they are on every GPU: WGSL leaves open how pack2x16float rounds and how exact a quotient is, so
// halves are made of bits, and a quotient is only a first guess, which is held against products that f32 has exactly.
const MostCode = (1u << Bits) - 1u;

// m / 2^by, halves to even.
fn shifted(m : u32, by : u32) -> u32 {
  return (m + (1u << (by - 1u)) - 1u + ((m >> by) & 1u)) >> by;
}

// The bits of the nearest f16, halves to even.
fn half_bits(x : f32) -> u32 {
  let bits = bitcast<u32>(clamp(x, -65504.0, 65504.0));
  let sign = (bits >> 16u) & 0x8000u;
  let size = bits & 0x7fffffffu;
  if (size >= 0x38800000u) {
    return sign | shifted(size - 0x38000000u, 13u);
  }
  let by = 126u - (size >> 23u); // f16 has no exponent as small
  if (by > 24u) {
    return sign;
  }
  return sign | shifted((size & 0x7fffffu) | 0x800000u, by);
}

fn half_value(bits : u32) -> f32 {
  return unpack2x16float(bits).x;
}

// The bits of the nearest f16 of range / steps.
fn scale_for(range : f32, steps : u32) -> u32 {
  if (range <= 0.0) {
    return 0u;
  }
  let scale = half_bits(range / f32(steps));
  let own = half_value(scale);
  if (scale > 0u) {
    let least = 0.5 * (half_value(scale - 1u) + own) * f32(steps);
    if (range < least || (range == least && (scale & 1u) == 1u)) {
      return scale - 1u;
    }
  }
  if (scale < 0x7bffu) {
    let most = 0.5 * (own + half_value(scale + 1u)) * f32(steps);
    if (range > most || (range == most && (scale & 1u) == 1u)) {
      return scale + 1u;
    }
  }
  return scale;
}

// (scale, minimum) as two f16 in a word, for numbers from `low` to `high`: scale = (high - minimum) / MostCode.
fn pair_for(low : f32, high : f32) -> u32 {
  let minimum = half_bits(low);
  return scale_for(high - half_value(minimum), MostCode) | (minimum << 16u);
}

// The nearest of the codes up to `last` of 4 numbers that are 0 or more, halves to even; 0 where the scale is.
fn nearest_codes(above : vec4<f32>, scale : vec4<f32>, last : u32) -> vec4<u32> {
  let code = clamp(round(above / select(vec4<f32>(1.0), scale, scale > vec4<f32>())), vec4<f32>(), vec4<f32>(f32(last)));
  let odd = (vec4<u32>(code) & vec4<u32>(1u)) == vec4<u32>(1u);
  let least = (code - 0.5) * scale;
  let most = (code + 0.5) * scale;
  let less = select(vec4<f32>(), vec4<f32>(1.0), (above < least) | ((above == least) & odd));
  let more = select(vec4<f32>(), vec4<f32>(1.0), (above > most) | ((above == most) & odd));
  let nearest = vec4<u32>(clamp(code - less + more, vec4<f32>(), vec4<f32>(f32(last))));
  return select(vec4<u32>(), nearest, scale > vec4<f32>());
}

// The nearest codes of 4 numbers, in steps of `scale` from `minimum` on.
fn codes_of(x : vec4<f32>, scale : vec4<f32>, minimum : vec4<f32>) -> vec4<u32> {
  return nearest_codes(x - minimum, scale, MostCode);
}
