// The device's own subgroup matrices (https://github.com/gpuweb/gpuweb/blob/main/proposals/subgroup-matrix.md).
enable chromium_experimental_subgroup_matrix;
// What differs between subgroups is the same within each, which the compiler cannot know of their numbers.
diagnostic(off, chromium.subgroup_matrix_uniformity);

alias Left = subgroup_matrix_left<Component, K, M>;
alias Right = subgroup_matrix_right<Component, N, K>;
alias Result = subgroup_matrix_result<f32, N, M>;

// Activations of a block from column k on, a token to a row.
fn load_left(block : u32, k : u32) -> Left {
  return subgroupMatrixLoad<Left, row_major>(&input_tile[block], k, Stride);
}

// Weights of a block from column k on, a matrix row to a column.
fn load_right(block : u32, k : u32) -> Right {
  return subgroupMatrixLoad<Right, col_major>(&weight_tile[block], k, Stride);
}

fn multiply_add(left : Left, right : Right, sum : Result) -> Result {
  return subgroupMatrixMultiplyAccumulate(left, right, sum);
}

fn store_result(subgroup : u32, value : Result) {
  subgroupMatrixStore<row_major>(&results[subgroup], 0u, value, N);
}
