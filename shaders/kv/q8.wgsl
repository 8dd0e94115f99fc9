// Keys and values in 8 bits: a head's numbers as shares of the largest in steps of 1/127, and behind them the largest in
// f32 (in f16 it could underflow). It is never multiplied in here: it scales a score or a probability.
alias Unit = u32; // 4 dimensions of a head

const ScaleUnits : u32 = 1u; // units of a head behind those of its dimensions

var<workgroup> slice_sizes : array<f32, 256>; // of as many threads as write keys at most

// The largest size of a head that the threads `first` to `first + count` make 4 dimensions of each.
fn scale_of(value : vec4<f32>, local : u32, first : u32, count : u32) -> f32 {
  let sizes = abs(value);
  slice_sizes[local] = max(max(sizes.x, sizes.y), max(sizes.z, sizes.w));
  workgroupBarrier();
  var largest = 0.0;
  for (var i = first; i < first + count; i++) {
    largest = max(largest, slice_sizes[i]);
  }
  return largest;
}

fn pack(value : vec4<f32>, scale : f32) -> Unit {
  return pack4x8snorm(value / max(scale, 1e-30));
}

fn pack_scale(scale : f32) -> Unit {
  return bitcast<u32>(scale);
}

fn unpack(unit : Unit) -> vec4<f32> {
  return unpack4x8snorm(unit);
}

fn unpack_scale(unit : Unit) -> f32 {
  return bitcast<f32>(unit);
}
