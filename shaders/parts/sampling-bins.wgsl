// What the sample kernels share: 256 bins that count tokens and add up their masses, and the bin in which a running sum
// passes a target. A mass is exp((logit - highest) / temperature) in 64-bit fixed point, 44 bits after the point: integers
// add up to the same sum in any order, so that atomics are exact and a seed always gives the same token.

struct Scratch {
  best : vec2<u32>,         // rank and index of the token with the highest logit
  keep : vec2<u32>,         // the last candidate, as rank and index: candidates are the tokens up to it
  lead : vec2<u32>,         // the first one, or something before it
  mass : vec2<u32>,         // of all tokens at temperature 1 if top-k keeps them all, else 0
  pad : u32,
  narrowed : atomic<u32>,   // tokens that passed sample-narrow.wgsl; 0 between steps, as are the bins
  counts : array<atomic<u32>, Threads>,
  lows : array<atomic<u32>, Threads>,
  highs : array<atomic<u32>, Threads>,
}

const GapBins : f32 = 8.0;  // bins per unit of logit below the highest

var<workgroup> counts : array<atomic<u32>, Threads>;
var<workgroup> lows : array<atomic<u32>, Threads>;
var<workgroup> highs : array<atomic<u32>, Threads>;
var<workgroup> sums : array<vec2<u32>, Threads>;
var<workgroup> sixteenths : array<vec2<u32>, 16>;
var<workgroup> passing : u32;

fn add64(a : vec2<u32>, b : vec2<u32>) -> vec2<u32> {
  let low = a.x + b.x;
  return vec2<u32>(low, a.y + b.y + select(0u, 1u, low < a.x));
}

fn subtract64(a : vec2<u32>, b : vec2<u32>) -> vec2<u32> {
  return vec2<u32>(a.x - b.x, a.y - b.y - select(0u, 1u, a.x < b.x));
}

fn less64(a : vec2<u32>, b : vec2<u32>) -> bool {
  return a.y < b.y || (a.y == b.y && a.x < b.x);
}

fn product64(a : u32, b : u32) -> vec2<u32> {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let middle = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let other = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
  return vec2<u32>((other << 16u) | (low & 0xffffu), (a >> 16u) * (b >> 16u) + (middle >> 16u) + (other >> 16u));
}

// a * share / 2^32
fn share_of(a : vec2<u32>, share : u32) -> vec2<u32> {
  return add64(product64(a.y, share), vec2<u32>(product64(a.x, share).y, 0u));
}

// The sum that the running mass has to pass so that it has reached top_p of `mass`.
fn top_p_target(mass : vec2<u32>) -> vec2<u32> {
  let target_mass = share_of(mass, u32(max(sampling.top_p, 0.0) * 4294967296.0));
  return subtract64(target_mass, vec2<u32>(select(1u, 0u, all(target_mass == vec2<u32>(0u))), 0u));
}

// `gap` is how far the logit lies below the highest.
fn mass_of(gap : f32, temperature : f32) -> vec2<u32> {
  let scaled = exp(-min(gap, 100.0 * temperature) / temperature) * 4096.0;
  let whole = floor(scaled);
  return vec2<u32>(u32((scaled - whole) * 4294967296.0), u32(whole));
}

fn gap_bin(gap : f32) -> u32 {
  return u32(min(gap * GapBins, 255.0));
}

fn clear_bins(thread : u32) {
  atomicStore(&counts[thread], 0u);
  atomicStore(&lows[thread], 0u);
  atomicStore(&highs[thread], 0u);
  workgroupBarrier();
}

fn tally(bin : u32, mass : vec2<u32>) {
  atomicAdd(&counts[bin], 1u);
  let before = atomicAdd(&lows[bin], mass.x);
  atomicAdd(&highs[bin], mass.y + select(0u, 1u, before + mass.x < before));
}

// sums[bin] = the masses, or the counts, of all bins up to this one; returns the last sum.
fn sum_bins(thread : u32, of_masses : bool) -> vec2<u32> {
  workgroupBarrier();
  let masses = vec2<u32>(atomicLoad(&lows[thread]), atomicLoad(&highs[thread]));
  sums[thread] = select(vec2<u32>(atomicLoad(&counts[thread]), 0u), masses, of_masses);
  workgroupBarrier();
  if (thread < 16u) {
    var sum = vec2<u32>(0u);
    for (var i = 0u; i < 16u; i++) {
      sum = add64(sum, sums[thread * 16u + i]);
    }
    sixteenths[thread] = sum;
  }
  workgroupBarrier();
  var sum = vec2<u32>(0u);
  for (var i = 0u; i < thread / 16u; i++) {
    sum = add64(sum, sixteenths[i]);
  }
  for (var i = thread / 16u * 16u; i <= thread; i++) {
    sum = add64(sum, sums[i]);
  }
  workgroupBarrier();
  sums[thread] = sum;
  return workgroupUniformLoad(&sums[Threads - 1u]);
}

// The first bin whose running sum passes `bound`; the last bin if none does.
fn passing_bin(thread : u32, bound : vec2<u32>) -> u32 {
  let passed = less64(bound, sums[thread]) || thread == Threads - 1u;
  if (passed && (thread == 0u || !less64(bound, sums[max(thread, 1u) - 1u]))) {
    passing = thread;
  }
  return workgroupUniformLoad(&passing);
}
