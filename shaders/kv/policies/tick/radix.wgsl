// What radix selections share, in a workgroup of `Threads` = 256: bins of the 8 bits that are looked at, and sums over threads.
var<workgroup> bins : array<atomic<u32>, 256>;
var<workgroup> sums : array<u32, Threads>;
var<workgroup> found : vec2<u32>; // a bin, and the weight above it

// The bits of an f32 as a number that is larger for what is larger.
fn ordered(bits : u32) -> u32 {
  return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
}

// The sum of the values of all threads up to this one; `sums[Threads - 1]` is that of all.
fn prefix(value : u32, local : u32) -> u32 {
  workgroupBarrier();
  sums[local] = value;
  for (var stride = 1u; stride < Threads; stride *= 2u) {
    workgroupBarrier();
    var sum = sums[local];
    if (local >= stride) {
      sum += sums[local - stride];
    }
    workgroupBarrier();
    sums[local] = sum;
  }
  workgroupBarrier();
  return sums[local];
}

// The bin, from above, in which `wanted` of weight, 1 or more, is reached, and the weight above it; bin 256 where there is not so much.
fn passing(wanted : u32, local : u32) -> vec2<u32> {
  if (local == 0u) {
    found = vec2<u32>(256u, 0u);
  }
  workgroupBarrier();
  let own = atomicLoad(&bins[255u - local]);
  let upto = prefix(own, local);
  if (upto >= wanted && upto - own < wanted) {
    found = vec2<u32>(255u - local, upto - own);
  }
  return workgroupUniformLoad(&found);
}
