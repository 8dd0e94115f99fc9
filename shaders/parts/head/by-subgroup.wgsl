// Which part of a head a thread has, as the first thread of its subgroup says: where no subgroup is larger than `Rows` all of its threads
// have the same, and a compiler that knows it reads keys and values once for all of them.
enable subgroups;

fn part_of(local : u32) -> u32 {
  return subgroupBroadcastFirst(local / Rows);
}
