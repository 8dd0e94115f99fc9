// The keys, or values, of eight slots of a page, of which each of Lanes threads of a subgroup reads its share and gets the others'
// by broadcast. No subgroup may be smaller than Lanes.
enable subgroups;

alias Eight = array<vec4<f32>, 8>;

// The place of this thread among those that share. Where all threads of a subgroup run, their numbers are 0, 1, 2 ...; the
// built-in value itself can be had in an entry point only.
fn share_of_reads() -> u32 {
  return subgroupExclusiveAdd(1u) % Lanes;
}

const Loads : u32 = 8u / Lanes; // slots per thread
alias Share = array<vec4<f32>, Loads>;

// Written out, since the lane of a broadcast is a constant.
fn joined(own : Share) -> Eight {
  return Eight(
    subgroupBroadcast(own[0], 0u), subgroupBroadcast(own[1u / Lanes], 1u % Lanes),
    subgroupBroadcast(own[2u / Lanes], 2u % Lanes), subgroupBroadcast(own[3u / Lanes], 3u % Lanes),
    subgroupBroadcast(own[4u / Lanes], 4u % Lanes), subgroupBroadcast(own[5u / Lanes], 5u % Lanes),
    subgroupBroadcast(own[6u / Lanes], 6u % Lanes), subgroupBroadcast(own[7u / Lanes], 7u % Lanes));
}

fn eight_keys(page : u32, d : u32, slot : u32, lane : u32) -> Eight {
  var own : Share;
  for (var i = 0u; i < Loads; i++) {
    own[i] = key4(page, d, slot + i * Lanes + lane);
  }
  return joined(own);
}

// Of the first `count` slots of the page alone, for behind those may be anything: their last one stands for the others.
fn eight_values(page : u32, d : u32, slot : u32, count : u32, lane : u32) -> Eight {
  var own : Share;
  for (var i = 0u; i < Loads; i++) {
    own[i] = value4(page, min(slot + i * Lanes + lane, count - 1u), d);
  }
  return joined(own);
}
