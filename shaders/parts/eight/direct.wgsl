// The keys, or values, of eight slots of a page, read by each thread for itself.
alias Eight = array<vec4<f32>, 8>;

fn share_of_reads() -> u32 {
  return 0u; // all
}

// How far the loop over keys goes: all of them may be read at once.
fn keys_at_a_time(vec4s : u32) -> u32 {
  return vec4s;
}

fn eight_keys(page : u32, d : u32, slot : u32, lane : u32) -> Eight {
  return Eight(
    key4(page, d, slot), key4(page, d, slot + 1u), key4(page, d, slot + 2u), key4(page, d, slot + 3u),
    key4(page, d, slot + 4u), key4(page, d, slot + 5u), key4(page, d, slot + 6u), key4(page, d, slot + 7u));
}

const Apart : bool = false; // all at once: they are the same for all threads of a subgroup

// Adds the products of `x` and the dimensions of keys to the scores of four slots and four more: of each key as it is read, as some formats take many
// steps for one, and eight would wait in registers.
fn add_scores(x : vec4<f32>, page : u32, d : u32, slot : u32, lane : u32, a : ptr<function, vec4<f32>>, b : ptr<function, vec4<f32>>) {
  *a += vec4<f32>(dot(x, key4(page, d, slot)), dot(x, key4(page, d, slot + 1u)), dot(x, key4(page, d, slot + 2u)), dot(x, key4(page, d, slot + 3u)));
  *b += vec4<f32>(dot(x, key4(page, d, slot + 4u)), dot(x, key4(page, d, slot + 5u)), dot(x, key4(page, d, slot + 6u)), dot(x, key4(page, d, slot + 7u)));
}

// `first_d` is where the part of the head begins.
// sum * fade + the first `count` values times their weights in a, then b. One slot after the other: with all eight
// written out for each part of a head, llvmpipe took 20 s to compile.
fn add_values(sum : ptr<function, Sum>, fade : f32, page : u32, slot : u32, count : u32, first_d : u32, a : vec4<f32>, b : vec4<f32>, lane : u32) {
  for (var d = 0u; d < PartVec4s; d++) {
    (*sum)[d] *= fade;
  }
  var first = a;
  var rest = b;
  for (var i = 0u; i < count; i++) {
    for (var d = 0u; d < PartVec4s; d++) {
      (*sum)[d] += first.x * value4(page, slot + i, inside(first_d + d));
    }
    first = vec4<f32>(first.yzw, rest.x);
    rest = rest.yzwx;
  }
}
