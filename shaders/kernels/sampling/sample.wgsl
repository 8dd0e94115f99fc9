// ids[next position] = one token drawn from the candidates: top-k, top-p, min-p, XTC, then temperature; NoToken if there is no
// candidate; the position advances.
// Nothing is sorted: 8 bits at a time are found of the last candidate, then of the drawn one. One workgroup. Ends a
// sampled step. After state.wgsl, sampling.wgsl, sampling-bins.wgsl; follows sample-narrow.wgsl.
@group(0) @binding(2) var<storage, read> narrowed : array<vec2<u32>>;  // (vocab) rank, index, in any order
@group(0) @binding(3) var<storage, read_write> scratch : Scratch;
@group(0) @binding(4) var<storage, read_write> state : State;
@group(0) @binding(5) var<storage, read_write> ids : array<u32>;  // (position)

var<workgroup> tokens : u32;          // in narrowed
var<workgroup> highest : f32;         // logit
var<workgroup> alone : bool;
var<workgroup> last : vec2<u32>;
var<workgroup> excludes : bool;       // the most likely ones, this time

// What a search sums up, in the order of tokens or of indices, and the bound to pass:
const ByCount = 0u;  // counts; `share`
const ByMass = 1u;   // masses at temperature 1; what reaches top_p
const ByDraw = 2u;   // masses at the temperature, in the order of indices; share / 2^32 of their sum

// The token at which the running sum, over the tokens from `lead` up to `keep`, passes the bound; all ones if none does.
fn search(thread : u32, kind : u32, share : u32, lead : vec2<u32>, keep : vec2<u32>) -> vec2<u32> {
  var found = vec2<u32>(0u);
  var known = vec2<u32>(0u, 0xff000000u);  // mask of the bits found so far; an index is below 2^24
  var bound = vec2<u32>(share, 0u);
  let temperature = select(1.0, sampling.temperature, kind == ByDraw);
  let start = select(0u, 4u, kind == ByDraw);
  for (var digit = start; digit < 7u; digit++) {  // 0 to 3 of the rank, 4 to 6 of the index
    let word = digit / 4u;
    let shift = select(24u - 8u * digit, 48u - 8u * digit, word == 1u);
    clear_bins(thread);
    for (var i = thread; i < tokens; i += Threads) {
      let token = narrowed[i];
      if (is_within(lead, keep, token) && all((token & known) == found)) {
        tally((token[word] >> shift) & 255u, mass_of(highest - logit_of(token.x), temperature));
      }
    }
    let sum = sum_bins(thread, kind != ByCount);
    if (digit == start && kind == ByDraw) {
      bound = share_of(sum, share);
    }
    if (digit == start && kind == ByMass) {
      bound = top_p_target(select(sum, scratch.mass, scratch.mass.y > 0u));
    }
    let bin = passing_bin(thread, bound);
    if (thread == bin) {
      alone = atomicLoad(&counts[bin]) == 1u;
    }
    if (bin > 0u) {
      bound = subtract64(bound, sums[bin - 1u]);
    }
    found[word] |= bin << shift;
    known[word] |= 255u << shift;
    let done = workgroupUniformLoad(&alone);
    if (done) {
      break;
    }
  }
  if (thread == 0u) {
    last = vec2<u32>(0xffffffffu);
  }
  workgroupBarrier();
  for (var i = thread; i < tokens; i += Threads) {
    if (is_within(lead, keep, narrowed[i]) && all((narrowed[i] & known) == found)) {
      last = narrowed[i];
    }
  }
  return workgroupUniformLoad(&last);
}

fn is_within(lead : vec2<u32>, keep : vec2<u32>, token : vec2<u32>) -> bool {
  return !precedes(token, lead) && !precedes(keep, token);
}

// Of the tokens up to `keep` the last one whose share of their probability reaches xtc_threshold: those before it go, as in
// llama.cpp's XTC ("exclude top choices"). Zeros if none does.
fn least_of_top(thread : u32, keep : vec2<u32>) -> vec2<u32> {
  clear_bins(thread);
  for (var i = thread; i < tokens; i += Threads) {
    if (!precedes(keep, narrowed[i])) {
      tally(narrowed[i].y & 255u, mass_of(highest - logit_of(narrowed[i].x), 1.0));
    }
  }
  let least = share_of(sum_bins(thread, true), u32(sampling.xtc_threshold * 4294967296.0));
  var lead = vec2<u32>(0u);
  for (var i = thread; i < tokens; i += Threads) {
    let token = narrowed[i];
    if (is_within(lead, keep, token) && !less64(mass_of(highest - logit_of(token.x), 1.0), least)) {
      lead = token;
    }
  }
  return ~first_of(~lead, thread);
}

@compute @workgroup_size(Threads)
fn main(@builtin(local_invocation_index) thread : u32) {
  if (thread == 0u) {
    tokens = atomicLoad(&scratch.narrowed);
    highest = logit_of(scratch.best.x);
    excludes = f32(hash(drawn() ^ 0x9e3779b9u) >> 8u) / 16777216.0 < sampling.xtc_probability;
  }
  workgroupBarrier();
  var keep = vec2<u32>(0xffffffffu);
  var lead = vec2<u32>(0u);
  var token = vec2<u32>(0u);
  // One call in a loop in place of three: compilers write each call out, with all of its barriers.
  for (var kind = ByCount; kind <= ByDraw; kind++) {
    if ((kind == ByCount && sampling.top_k == 0u) || (kind == ByMass && sampling.top_p >= 1.0)) {
      continue;
    }
    if (kind == ByDraw) {
      keep = within_min_p(keep);
      if (workgroupUniformLoad(&excludes)) {
        lead = least_of_top(thread, keep);
        if (thread == 0u && lead.x > 0u) {
          highest = logit_of(lead.x);  // of those that are left, so that at a low temperature one at least has a mass
        }
        workgroupBarrier();
      }
    }
    let share = select(drawn(), sampling.top_k - 1u, kind == ByCount);
    let reached = search(thread, kind, share, lead, keep);
    if (kind == ByDraw) {
      token = reached;
    } else if (kind == ByCount || precedes(reached, keep)) {
      keep = reached;
    }
  }
  let next = state.position + state.rows;
  atomicStore(&scratch.counts[thread], 0u);
  atomicStore(&scratch.lows[thread], 0u);
  atomicStore(&scratch.highs[thread], 0u);
  workgroupBarrier();  // everyone has read the state
  if (thread == 0u) {
    scratch.keep = keep;
    scratch.lead = lead;
    scratch.mass = vec2<u32>(0u);
    atomicStore(&scratch.narrowed, 0u);
    if (state.ended == 0u) {
      let id = select(token.y, NoToken, tokens == 0u);
      if (next < arrayLength(&ids)) {
        ids[next] = id;
      }
      state.position = next;
      state.rows = 1u;
      state.ended = u32(ends(id));
    } else {
      state.ended = 2u;
    }
  }
}

// Up to the last token whose probability reaches min_p times the highest.
fn within_min_p(keep : vec2<u32>) -> vec2<u32> {
  if (sampling.min_p <= 0.0) {
    return keep;
  }
  let lowest = rank_of(bitcast<u32>(highest + log(sampling.min_p)));
  let limit = vec2<u32>(max(lowest, scratch.best.x), 0xffffffffu);
  return select(keep, limit, precedes(limit, keep));
}

// The random number of the next position.
fn drawn() -> u32 {
  return hash((state.position + state.rows) ^ hash(sampling.seed));
}

// PCG's RXS-M-XS output: a bijection (O'Neill 2014; Jarzynski and Olano, "Hash Functions for GPU Rendering", 2020).
fn hash(value : u32) -> u32 {
  let generator = value * 747796405u + 2891336453u;
  let word = ((generator >> ((generator >> 28u) + 4u)) ^ generator) * 277803737u;
  return (word >> 22u) ^ word;
}
