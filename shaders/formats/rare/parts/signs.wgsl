// Signs of weights, a bit each, the lowest first; set where the weight is negative.

// Four bytes, none of them 0, negated where they are.
fn with_signs(values : u32, signs : u32) -> u32 {
  let ones = ((signs & 15u) * 0x00204081u) & 0x01010101u; // bit b goes to byte b
  return (values ^ (ones * 255u)) + ones;
}

// Those of eight weights that seven bits stand for: the eighth makes the number of negative ones even.
fn eight_signs(bits : u32) -> u32 {
  let seven = bits & 127u;
  return seven | ((countOneBits(seven) & 1u) << 7u);
}
