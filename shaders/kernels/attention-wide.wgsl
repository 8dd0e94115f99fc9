// As attention, for processors that reckon with vectors as wide as a subgroup and load each thread's number by itself: there a load costs as much as
// nine multiply-adds. So keys and values that a subgroup has read, as eight/shared has it, serve several query rows of each thread, queries and
// sums lie in the thread's own memory, and a page of 32 slots is scored as a whole, so that the sums, whose places are no constants, are
// read and written once for it. Heads are whole.
const Apart : bool = false; // as eight/ has it elsewhere
const Width : u32 = 8u; // threads; an item of a workgroup is a query row of one head
const Eights : u32 = PageSlots / 8u; // as many as `main` writes out: llvmpipe unrolls no loop around what it takes from others' threads

alias Head = array<array<f32, HeadVec4s>, 4>; // by the place in a vec4, then the vec4: so that all four are read at the same place
alias Scores = array<array<vec4<f32>, 2u * Eights>, Items>;
alias Vec4s = array<vec4<f32>, Items>;

fn vec4_of(head : ptr<function, array<Head, Items>>, r : u32, d : u32) -> vec4<f32> {
  return vec4<f32>((*head)[r][0][d], (*head)[r][1][d], (*head)[r][2][d], (*head)[r][3][d]);
}

fn put_vec4(head : ptr<function, array<Head, Items>>, r : u32, d : u32, value : vec4<f32>) {
  (*head)[r][0][d] = value.x;
  (*head)[r][1][d] = value.y;
  (*head)[r][2][d] = value.z;
  (*head)[r][3][d] = value.w;
}

// The `e`-th eight keys of a page, 4 dimensions of each.
fn add_scores(scores : ptr<function, Scores>, x : Vec4s, k : Eight, e : u32) {
  for (var r = 0u; r < Items; r++) {
    (*scores)[r][2u * e] += vec4<f32>(dot(x[r], k[0]), dot(x[r], k[1]), dot(x[r], k[2]), dot(x[r], k[3]));
    (*scores)[r][2u * e + 1u] += vec4<f32>(dot(x[r], k[4]), dot(x[r], k[5]), dot(x[r], k[6]), dot(x[r], k[7]));
  }
}

// The same of values.
fn add_values(sums : ptr<function, Vec4s>, scores : ptr<function, Scores>, v : Eight, e : u32) {
  for (var r = 0u; r < Items; r++) {
    let a = (*scores)[r][2u * e];
    let b = (*scores)[r][2u * e + 1u];
    (*sums)[r] += (a.x * v[0] + a.y * v[1] + a.z * v[2] + a.w * v[3]) + (b.x * v[4] + b.y * v[5] + b.z * v[6] + b.w * v[7]);
  }
}

// Something of four slots of a page.
fn key_scales(page : u32, slot : u32) -> vec4<f32> {
  return vec4<f32>(key_scale(page, slot), key_scale(page, slot + 1u), key_scale(page, slot + 2u), key_scale(page, slot + 3u));
}

fn value_scales(page : u32, slot : u32) -> vec4<f32> {
  return vec4<f32>(value_scale(page, slot), value_scale(page, slot + 1u), value_scale(page, slot + 2u), value_scale(page, slot + 3u));
}

fn biases(page : u32, slot : u32) -> vec4<f32> {
  return vec4<f32>(bias_of(page, slot), bias_of(page, slot + 1u), bias_of(page, slot + 2u), bias_of(page, slot + 3u));
}

@compute @workgroup_size(Width)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let lane = share_of_reads();
  let kv_head = workgroup.y;
  let group_size = params.heads / params.kv_heads;
  let last_row = state.rows - 1u;
  let first = workgroup.x * Width * Items;
  let windowed = params.window > 0u;
  let vec4s = (params.head_dim + 3u) / 4u; // HeadVec4s, as a bound that is no constant
  // The same bounds for the whole workgroup, so that its threads read the same keys.
  let least = slots_seen(min(first / group_size, last_row), kv_head);
  let most = slots_seen(min((first + Width * Items - 1u) / group_size, last_row), kv_head);
  let begin = max(slots_from(), select(0u, least - min(params.window, least), windowed)) & ~(PageSlots - 1u);

  var queries : array<Head, Items>;
  var sums = array<Head, Items>();
  var largest : array<f32, Items>;
  var total : array<f32, Items>;
  var low : array<u32, Items>; // the slots that a row sees: `count` from `low` on
  var count : array<u32, Items>;
  for (var r = 0u; r < Items; r++) {
    let item = first + r * Width + local;
    let t = min(item / group_size, last_row);
    let head = kv_head * group_size + item % group_size;
    let seen = slots_seen(t, kv_head);
    low[r] = max(slots_from(), select(0u, seen - min(params.window, seen), windowed));
    count[r] = max(seen, low[r]) - low[r];
    let before = before_all(head, params.sinks);
    largest[r] = before.x;
    total[r] = before.y;
    let q = ((state.first + t) * params.heads + head) * HeadVec4s;
    for (var d = 0u; d < vec4s; d++) {
      put_vec4(&queries, r, d, query[q + d] * params.scale);
    }
  }
  for (var block = begin; block < most; block += PageSlots) {
    let page = page_of(block, kv_head);
    var scores = Scores();
    for (var d = 0u; d < vec4s; d++) {
      var x : Vec4s;
      for (var r = 0u; r < Items; r++) {
        x[r] = vec4_of(&queries, r, d);
      }
      add_scores(&scores, x, eight_keys(page, d, 0u, lane), 0u);
      add_scores(&scores, x, eight_keys(page, d, 8u, lane), 1u);
      add_scores(&scores, x, eight_keys(page, d, 16u, lane), 2u);
      add_scores(&scores, x, eight_keys(page, d, 24u, lane), 3u);
    }
    var fade : array<f32, Items>;
    for (var r = 0u; r < Items; r++) {
      let before = largest[r];
      for (var i = 0u; i < 2u * Eights; i++) {
        var a = scores[r][i];
        if (ScaleUnits > 0u) {
          a *= key_scales(page, 4u * i);
        }
        if (Softcap) {
          a = params.softcap * tanh(clamp(a / params.softcap, vec4<f32>(-20.0), vec4<f32>(20.0)));
        }
        if (Biased) {
          a += biases(page, 4u * i);
        }
        let at = vec4<u32>(block + 4u * i - low[r]) + vec4<u32>(0u, 1u, 2u, 3u); // those before `low` come out larger than any count
        a = select(vec4<f32>(-1e30), a, at < vec4<u32>(count[r]));
        largest[r] = max(largest[r], max(max(a.x, a.y), max(a.z, a.w)));
        scores[r][i] = a;
      }
      fade[r] = exp(before - largest[r]);
      var added = vec4<f32>();
      for (var i = 0u; i < 2u * Eights; i++) {
        let at = vec4<u32>(block + 4u * i - low[r]) + vec4<u32>(0u, 1u, 2u, 3u);
        let a = select(vec4<f32>(), exp(scores[r][i] - largest[r]), at < vec4<u32>(count[r])); // nothing may be seen yet, and -1e30 be the largest
        added += a;
        scores[r][i] = a;
        if (ScaleUnits > 0u) {
          scores[r][i] *= value_scales(page, 4u * i);
        }
      }
      total[r] = total[r] * fade[r] + dot(added, vec4<f32>(1.0));
    }
    let slots = min(PageSlots, most - block);
    for (var d = 0u; d < vec4s; d++) {
      var now = Vec4s();
      add_values(&now, &scores, eight_values(page, d, 0u, slots, lane), 0u);
      add_values(&now, &scores, eight_values(page, d, 8u, slots, lane), 1u);
      add_values(&now, &scores, eight_values(page, d, 16u, slots, lane), 2u);
      add_values(&now, &scores, eight_values(page, d, 24u, slots, lane), 3u);
      for (var r = 0u; r < Items; r++) {
        put_vec4(&sums, r, d, vec4_of(&sums, r, d) * fade[r] + now[r]);
      }
    }
  }
  for (var r = 0u; r < Items; r++) {
    let item = first + r * Width + local;
    let t = item / group_size;
    let head = kv_head * group_size + item % group_size;
    if (t > last_row) {
      continue;
    }
    let alone = (state.first + t) * params.stride + head * params.head_dim;
    let joined = ((params.segment * params.most_rows + t) * params.heads + head) * (4u * HeadVec4s + 4u);
    for (var d = 0u; d < vec4s; d++) {
      let value = vec4_of(&sums, r, d);
      if (Joined) {
        put(joined, 4u * HeadVec4s, d, value);
      } else {
        put(alone, params.head_dim, d, value / total[r]);
      }
    }
    if (Joined) {
      attended[joined + 4u * HeadVec4s] = largest[r];
      attended[joined + 4u * HeadVec4s + 1u] = total[r];
    }
  }
}
