// Where a step of the program stands with one sequence. The runner and the sampler write it.
struct State {
  position : u32, // of the first row of this step
  rows : u32,     // tokens in this step
  ended : u32,    // not 0: a token of `ends` was chosen, by this step (1) or by one before (2): steps that are already queued change nothing any more
  base : u32,     // the first position whose keys and values are among the fresh ones, where a policy has others elsewhere
  first : u32,    // row of the activations that this sequence's rows begin at
  spare : array<u32, 3>,
}
