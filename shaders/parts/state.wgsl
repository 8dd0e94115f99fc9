// Where a step of the program stands. Only the sampler writes it.
struct State {
  position : u32, // of the first row of this step
  rows : u32,     // tokens in this step
  ended : u32,    // not 0: a token of `ends` was chosen, by this step (1) or by one before (2): steps that are already queued change nothing any more
  pad : u32,
}
