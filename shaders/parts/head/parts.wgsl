// A head is shared among `Parts` threads of attention, `Rows` apart in their workgroup, which have `PartVec4s` of its dimensions each
// and add up their scores through workgroup memory. Many dimensions in one thread are more than the registers of a GPU.
var<workgroup> scores : array<array<vec4<f32>, 2>, 2u * Rows * Parts>; // (turn, part, row)

fn vec4s_of_part() -> u32 {
  return PartVec4s;
}

// The last part may have dimensions that the head has not: they count nothing, and its last ones are read for them.
const Even = HeadVec4s % PartVec4s == 0u;

fn is_inside(d : u32) -> bool {
  return Even || d < HeadVec4s;
}

fn inside(d : u32) -> u32 {
  return select(min(d, HeadVec4s - 1u), d, Even);
}

// As a bound that no compiler knows: all of a large head's scores read at once would fill the registers.
fn parts_of_head() -> u32 {
  return (params.head_dim + 4u * PartVec4s - 1u) / (4u * PartVec4s);
}

// In two turns, so that nobody writes the scores of one block while others still read those of the last.
fn join_scores(local : u32, block : u32, a : ptr<function, vec4<f32>>, b : ptr<function, vec4<f32>>) {
  let turn = (block / 8u % 2u) * Rows * Parts;
  scores[turn + local] = array<vec4<f32>, 2>(*a, *b);
  workgroupBarrier();
  *a = scores[turn + local % Rows][0];
  *b = scores[turn + local % Rows][1];
  for (var part = 1u; part < parts_of_head(); part++) {
    let other = scores[turn + part * Rows + local % Rows];
    *a += other[0];
    *b += other[1];
  }
}
