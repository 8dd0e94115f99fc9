// Sums over a workgroup by a tree in workgroup memory. Works everywhere.
const WorkgroupSize : u32 = 64u; // a power of two
var<workgroup> tree : array<f32, WorkgroupSize>;

fn workgroup_sum(value : f32, local : u32) -> f32 {
  tree[local] = value;
  for (var half_size = WorkgroupSize / 2u; half_size > 0u; half_size /= 2u) {
    workgroupBarrier();
    if (local < half_size) {
      tree[local] += tree[local + half_size];
    }
  }
  workgroupBarrier();
  let sum = tree[0];
  workgroupBarrier();
  return sum;
}
