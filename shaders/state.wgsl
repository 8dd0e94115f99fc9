// Where a step of the program stands. Only the sampler writes it.
struct State {
  position : u32, // of the first row of this step
  rows : u32,     // tokens in this step
  pad0 : u32,
  pad1 : u32,
}
