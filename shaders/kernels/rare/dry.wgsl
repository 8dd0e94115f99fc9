// Lowers the logits of the tokens that would go on with what was said before ("don't repeat yourself", as llama.cpp has it): the more
// tokens before the next are as they were before an earlier one, the less likely that one is. Counted anew from the ids at each step, as
// penalties are. One workgroup. After state.wgsl, sampling.wgsl.
struct Dry {
  multiplier : f32,
  base : f32,        // 1 and more
  allowed : u32,     // tokens that may be as before at no cost
  last : u32,        // tokens that are looked back at
  most : u32,        // so many tokens as before, and all beyond, cost the same
  tails : u32,       // texts of several tokens that end repetitions, by what follows their first one
  words : array<u32>, // a bit for each token that ends repetitions by itself; then for each tail: first tokens, length, itself, those first tokens
}

@group(0) @binding(2) var<storage, read> state : State;
@group(0) @binding(3) var<storage, read> ids : array<u32>;                     // (position)
@group(0) @binding(4) var<storage, read> dry : Dry;
@group(0) @binding(5) var<storage, read_write> counts : array<atomic<u32>>;    // (vocab) scratch: whatever it held before
@group(0) @binding(6) var<storage, read_write> logits : array<u32>;            // (row, vocab) the bits of f32

const None : u32 = 0xffffffffu;

var<workgroup> nearest : atomic<u32>; // text that ends repetitions: 32 * tokens behind its first one + 31 - tokens of its tail

// The length of the longest tail of a text that begins with the token at `i`; None where none does.
fn tail_at(i : u32, next : u32) -> u32 {
  let token = ids[i];
  var longest = select(None, 0u, ((dry.words[token / 32u] >> (token % 32u)) & 1u) == 1u);
  var at = (sampling.vocab + 31u) / 32u;
  for (var tail = 0u; tail < dry.tails; tail++) {
    let heads = dry.words[at];
    let length = dry.words[at + 1u];
    var same = i + length < next && (longest == None || length > longest);
    for (var k = 0u; same && k < length; k++) {
      same = ids[i + 1u + k] == dry.words[at + 2u + k];
    }
    at += 2u + length;
    for (var head = 0u; same && head < heads; head++) {
      if (dry.words[at + head] == token) {
        longest = length;
        same = false;
      }
    }
    at += heads;
  }
  return longest;
}

fn power(base : f32, exponent : u32) -> f32 {
  var result = 1.0;
  var square = base;
  for (var left = exponent; left > 0u; left >>= 1u) {
    if ((left & 1u) == 1u) {
      result *= square;
    }
    if (left > 1u) {
      square *= square;
    }
  }
  return result;
}

@compute @workgroup_size(Threads)
fn main(@builtin(local_invocation_index) thread : u32) {
  let next = state.position + state.rows;
  let count = min(next, dry.last);
  let first = next - count;
  if (thread == 0u) {
    atomicStore(&nearest, None);
  }
  for (var i = first + thread; i < next; i += Threads) {
    atomicStore(&counts[ids[i]], 0u);
  }
  workgroupBarrier();
  storageBarrier();
  for (var behind = thread; behind < count && 32u * behind < atomicLoad(&nearest); behind += Threads) {
    let tail = tail_at(next - 1u - behind, next);
    if (tail != None) {
      atomicMin(&nearest, 32u * behind + 31u - tail);
    }
  }
  workgroupBarrier();
  let found = atomicLoad(&nearest);
  let limit = min(dry.most, select(found / 32u + found % 32u - 31u, count, found == None)); // tokens since the end of such a text
  for (var i = first + thread; i + 1u < next; i += Threads) {
    let most = min(limit, i - first + 1u);
    var length = 0u;
    while (length < most && ids[i - length] == ids[next - 1u - length]) {
      length++;
    }
    if (length >= dry.allowed) {
      atomicMax(&counts[ids[i + 1u]], length + 1u);
    }
  }
  storageBarrier();
  for (var i = first + thread; i < next; i += Threads) {
    let length = atomicExchange(&counts[ids[i]], 0u); // by one thread for each token: the others find 0
    let at = logit_at(ids[i]);
    if (length > 0u && rank_of(logits[at]) < Masked) {
      logits[at] = bitcast<u32>(bitcast<f32>(logits[at]) - dry.multiplier * power(dry.base, length - 1u - dry.allowed));
    }
  }
}
