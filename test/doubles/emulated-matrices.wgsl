// What shaders/parts/matrix/subgroup.wgsl asks of the device, for devices that have no subgroup matrices: a matrix of activations
// or weights is where it lies in its tile, and each thread of a subgroup sums up its share of a matrix of results.
const Share : u32 = M * N / Threads;
var<private> lane : u32; // of the subgroup; the kernel's text is changed to set it

alias Left = u32;
alias Right = u32;
alias Result = array<f32, Share>;

fn load_left(offset : u32) -> Left {
  return offset;
}

fn load_right(offset : u32) -> Right {
  return offset;
}

fn multiply_add(left : Left, right : Right, sum : Result) -> Result {
  var added = sum;
  for (var i = 0u; i < Share; i++) {
    let place = i * Threads + lane;
    for (var k = 0u; k < K * min(state.rows, 1u); k++) { // K, which compilers may not know: llvmpipe unrolls all for minutes
      added[i] += f32(input_tile[left + place / N * Stride + k]) * f32(weight_tile[right + place % N * Stride + k]);
    }
  }
  return added;
}

fn store_result(offset : u32, value : Result) {
  for (var i = 0u; i < Share; i++) {
    results[offset + i * Threads + lane] = value[i];
  }
}
