// Sums and maxima over a workgroup: within each subgroup first, then over the subgroups in workgroup memory. The place
// of a subgroup is its first invocation's, so no order of invocations is assumed.
override WorkgroupSize : u32 = 64u;
var<workgroup> leaders : array<f32, WorkgroupSize>;

fn workgroup_sum(value : f32, local : u32) -> f32 {
  let sum = subgroupAdd(value);
  leaders[local] = select(0.0, sum, subgroupElect());
  workgroupBarrier();
  var total = 0.0;
  for (var i = 0u; i < WorkgroupSize; i++) {
    total += leaders[i];
  }
  workgroupBarrier();
  return total;
}

fn workgroup_max(value : f32, local : u32) -> f32 {
  let largest = subgroupMax(value);
  leaders[local] = largest;
  workgroupBarrier();
  var total = leaders[0];
  for (var i = 1u; i < WorkgroupSize; i++) {
    total = max(total, leaders[i]);
  }
  workgroupBarrier();
  return total;
}
