// The device's own subgroup matrices (https://github.com/gpuweb/gpuweb/blob/main/proposals/subgroup-matrix.md).
enable chromium_experimental_subgroup_matrix;
// What differs between subgroups is the same within each, which the compiler cannot know of their numbers.
diagnostic(off, chromium.subgroup_matrix_uniformity);

alias Left = subgroup_matrix_left<Component, K, M>;
alias Right = subgroup_matrix_right<Component, N, K>;
alias Result = subgroup_matrix_result<f32, N, M>;

// Activations from `offset`, a token to a row.
fn load_left(offset : u32) -> Left {
  return subgroupMatrixLoad<Left, row_major>(&input_tile, offset, Stride);
}

// Weights from `offset`, a matrix row to a column.
fn load_right(offset : u32) -> Right {
  return subgroupMatrixLoad<Right, col_major>(&weight_tile, offset, Stride);
}

fn multiply_add(left : Left, right : Right, sum : Result) -> Result {
  return subgroupMatrixMultiplyAccumulate(left, right, sum);
}

fn store_result(offset : u32, value : Result) {
  subgroupMatrixStore<row_major>(&results, offset, value, N);
}
