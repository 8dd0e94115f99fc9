// Keys and values in 8 bits: a head's numbers as shares of the largest in steps of 1/127, and behind them the largest in
// f32 (in f16 it could underflow). It is never multiplied in here: it scales a score or a probability.
alias Cached = u32;

const CacheScales : u32 = 1u; // words per head behind its dimensions

var<workgroup> slice_sizes : array<f32, 64>;

// The largest size of a head that the threads `first` to `first + count` make 4 dimensions of each.
fn cache_scale(value : vec4<f32>, local : u32, first : u32, count : u32) -> f32 {
  let sizes = abs(value);
  slice_sizes[local] = max(max(sizes.x, sizes.y), max(sizes.z, sizes.w));
  workgroupBarrier();
  var largest = 0.0;
  for (var i = first; i < first + count; i++) {
    largest = max(largest, slice_sizes[i]);
  }
  return largest;
}

fn cache_pack(value : vec4<f32>, scale : f32) -> Cached {
  return pack4x8snorm(value / max(scale, 1e-30));
}

fn cache_pack_scale(scale : f32) -> Cached {
  return bitcast<u32>(scale);
}

fn cache_unpack(value : Cached) -> vec4<f32> {
  return unpack4x8snorm(value);
}

fn cache_unpack_scale(value : Cached) -> f32 {
  return bitcast<f32>(value);
}
