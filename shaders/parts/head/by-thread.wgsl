// Which part of a head a thread has, as it reckons by itself.
fn part_of(local : u32) -> u32 {
  return local / Rows;
}
