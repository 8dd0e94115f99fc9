// Sums over a workgroup: within each subgroup first, then over the subgroups in workgroup memory. A subgroup
// leaves its result at the place of the invocation it elects; a bit per invocation says which places count. So no order
// or size of subgroups is assumed, and sums are always added up in the same order.
enable subgroups;
const WorkgroupSize : u32 = 64u;
const WordBits = 32u;
var<workgroup> results : array<f32, WorkgroupSize>;
var<workgroup> elected : array<atomic<u32>, (WorkgroupSize + WordBits - 1u) / WordBits>;  // the same ones every time

fn leave(result : f32, local : u32) {
  if (subgroupElect()) {
    results[local] = result;
    atomicOr(&elected[local / WordBits], 1u << (local % WordBits));
  }
  workgroupBarrier();
}

fn workgroup_sum(value : f32, local : u32) -> f32 {
  leave(subgroupAdd(value), local);
  var total = 0.0;
  for (var start = 0u; start < WorkgroupSize; start += WordBits) {
    for (var rest = atomicLoad(&elected[start / WordBits]); rest != 0u; rest &= rest - 1u) {
      total += results[start + firstTrailingBit(rest)];
    }
  }
  workgroupBarrier();
  return total;
}
