// What a thread of attention does with keys, or values, that it reads together with others (shared.wgsl).

// As a bound that no compiler knows, so that none reads the keys of all dimensions ahead: Intel's spilled twice as much for it. Of the lesser of the
// two it knew the most.
fn keys_at_a_time(vec4s : u32) -> u32 {
  return vec4s + (params.head_dim >> 31u);
}

// Of heads in parts, four slots after the other four: all eight are more than the registers of some GPUs.
const Apart : bool = Parts > 1u;
const Rest : u32 = 4u * (Loads - 1u); // slots from a thread's first to its last
const High : u32 = 4u % Lanes;        // the thread that has the fifth

fn low_four(own : vec4<f32>) -> array<vec4<f32>, 4> {
  return array<vec4<f32>, 4>(subgroupBroadcast(own, 0u), subgroupBroadcast(own, 1u), subgroupBroadcast(own, 2u), subgroupBroadcast(own, 3u));
}

fn high_four(own : vec4<f32>) -> array<vec4<f32>, 4> {
  return array<vec4<f32>, 4>(
    subgroupBroadcast(own, High), subgroupBroadcast(own, High + 1u), subgroupBroadcast(own, High + 2u), subgroupBroadcast(own, High + 3u));
}

// Adds the products of `x` and the dimensions of keys to the scores of four slots and four more.
fn add_scores(x : vec4<f32>, page : u32, d : u32, slot : u32, lane : u32, a : ptr<function, vec4<f32>>, b : ptr<function, vec4<f32>>) {
  if (!Apart) {
    let k = eight_keys(page, d, slot, lane);
    *a += vec4<f32>(dot(x, k[0]), dot(x, k[1]), dot(x, k[2]), dot(x, k[3]));
    *b += vec4<f32>(dot(x, k[4]), dot(x, k[5]), dot(x, k[6]), dot(x, k[7]));
    return;
  }
  let low = low_four(key4(page, d, slot + lane));
  *a += vec4<f32>(dot(x, low[0]), dot(x, low[1]), dot(x, low[2]), dot(x, low[3]));
  if (is_here(params.heads)) {
    let high = high_four(key4(page, d, slot + Rest + lane));
    *b += vec4<f32>(dot(x, high[0]), dot(x, high[1]), dot(x, high[2]), dot(x, high[3]));
  }
}

// `first_d` is where the part of the head begins.
// sum * fade + the first `count` values times their weights in a, then b, whose others are 0.
fn add_values(sum : ptr<function, Sum>, fade : f32, page : u32, slot : u32, count : u32, first_d : u32, a : vec4<f32>, b : vec4<f32>, lane : u32) {
  for (var d = 0u; d < PartVec4s; d++) {
    if (Apart) {
      let low = low_four(value4(page, slot + min(lane, count - 1u), inside(first_d + d)));
      (*sum)[d] = (*sum)[d] * fade + (a.x * low[0] + a.y * low[1] + a.z * low[2] + a.w * low[3]);
      if (is_here(params.heads)) {
        let high = high_four(value4(page, slot + min(Rest + lane, count - 1u), inside(first_d + d)));
        (*sum)[d] += b.x * high[0] + b.y * high[1] + b.z * high[2] + b.w * high[3];
      }
      continue;
    }
    let v = eight_values(page, inside(first_d + d), slot, slot + count, lane);
    (*sum)[d] = (*sum)[d] * fade + (a.x * v[0] + a.y * v[1] + a.z * v[2] + a.w * v[3]) + (b.x * v[4] + b.y * v[5] + b.z * v[6] + b.w * v[7]);
  }
}
