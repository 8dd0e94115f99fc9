// ids[next position] = the best token of all slices, NoToken if there is none; the position advances. Ends a greedy step.
// One workgroup. After state.wgsl, sampling.wgsl.
@group(0) @binding(2) var<storage, read> best : array<vec2<u32>>;  // (slice) rank, index
@group(0) @binding(3) var<storage, read_write> state : State;
@group(0) @binding(4) var<storage, read_write> ids : array<u32>;   // (position)

@compute @workgroup_size(Threads)
fn main(@builtin(local_invocation_index) thread : u32) {
  var token = vec2<u32>(0xffffffffu);
  let slices = (sampling.vocab + SliceTokens - 1u) / SliceTokens;
  for (var slice = thread; slice < slices; slice += Threads) {
    if (precedes(best[slice], token)) {
      token = best[slice];
    }
  }
  token = first_of(token, thread);
  if (thread == 0u && state.ended == 0u) {
    let next = state.position + state.rows;
    if (next < arrayLength(&ids)) {
      ids[next] = token.y;
    }
    state.position = next;
    state.rows = 1u;
    state.ended = u32(ends(token.y));
  } else if (thread == 0u) {
    state.ended = 2u;
  }
}
