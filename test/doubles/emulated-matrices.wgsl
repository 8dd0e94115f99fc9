// What shaders/parts/matrix/subgroup.wgsl asks of the device, for devices that have no subgroup matrices: a matrix of activations
// or weights is where it lies in its tile, and each thread of a subgroup sums up its share of a matrix of results.
const Share : u32 = M * N / Threads;
var<private> lane : u32; // of the subgroup; the kernel's text is changed to set it

// Its block, and the column it begins with.
alias Left = vec2<u32>;
alias Right = vec2<u32>;
alias Result = array<f32, Share>;

fn load_left(block : u32, k : u32) -> Left {
  return vec2<u32>(block, k);
}

fn load_right(block : u32, k : u32) -> Right {
  return vec2<u32>(block, k);
}

fn multiply_add(left : Left, right : Right, sum : Result) -> Result {
  var added = sum;
  for (var i = 0u; i < Share; i++) {
    let place = i * Threads + lane;
    for (var k = 0u; k < K * min(state.rows, 1u); k++) { // K, which compilers may not know: llvmpipe unrolls all for minutes
      added[i] += f32(input_tile[left.x][left.y + place / N * Stride + k]) * f32(weight_tile[right.x][right.y + place % N * Stride + k]);
    }
  }
  return added;
}

fn store_result(subgroup : u32, value : Result) {
  for (var i = 0u; i < Share; i++) {
    results[subgroup][i * Threads + lane] = value[i];
  }
}
