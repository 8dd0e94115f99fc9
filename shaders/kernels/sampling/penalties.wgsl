// Lowers the logits of the tokens among the last ones before the next, prompt included: llama.cpp's repeat penalty, then its
// frequency and presence penalties. Counted anew from the ids at each step, so that there is nothing to keep, to undo or to
// copy. One workgroup. After state.wgsl, sampling.wgsl.
@group(0) @binding(2) var<storage, read> state : State;
@group(0) @binding(3) var<storage, read> ids : array<u32>;                     // (position)
@group(0) @binding(4) var<storage, read_write> counts : array<atomic<u32>>;    // (vocab) scratch: whatever it held before
@group(0) @binding(5) var<storage, read_write> logits : array<u32>;            // (row, vocab) the bits of f32

@compute @workgroup_size(Threads)
fn main(@builtin(local_invocation_index) thread : u32) {
  let next = state.position + state.rows;
  let first = next - min(next, sampling.last) + thread;
  for (var i = first; i < next; i += Threads) {
    atomicStore(&counts[ids[i]], 0u);
  }
  storageBarrier();
  for (var i = first; i < next; i += Threads) {
    atomicAdd(&counts[ids[i]], 1u);
  }
  storageBarrier();
  for (var i = first; i < next; i += Threads) {
    let count = atomicExchange(&counts[ids[i]], 0u); // by one thread for each token: the others find 0
    let at = logit_at(ids[i]);
    if (count > 0u && rank_of(logits[at]) < Masked) {
      let logit = bitcast<f32>(logits[at]);
      let scaled = select(logit / sampling.repeat, logit * sampling.repeat, logit <= 0.0);
      logits[at] = bitcast<u32>(scaled - (f32(count) * sampling.frequency + sampling.presence));
    }
  }
}
