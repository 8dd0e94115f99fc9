// attended[first + t][head] = softmax(query . keys * scale) . values for many rows of activations, online (FlashAttention-2,
// arXiv 2307.08691), of the slots of one segment that a row sees, optionally of the last `window` of them. A thread takes one
// query row of one head, or a part of its dimensions, as head/ has it; the heads that share a key/value head sit in one workgroup and
// read the same keys, 8 slots at a time, as eight/ has it. Of several segments (`Joined`) each leaves sums, maximum and total to attention-join.wgsl.
// Only the sums are an array of a head's size, so only their loop has to be unrolled: what else was took llvmpipe 8 to 24 s
// to compile.
// True, which no compiler knows where registers are few (`Apart`, in eight/): what is in a branch is not done ahead of it, when others need them. By
// parameters that differ, as branches by the same one become one.
fn is_here(parameter : u32) -> bool {
  return !Apart || parameter > 0u;
}

alias Sum = array<vec4<f32>, PartVec4s>;

@compute @workgroup_size(Rows * Parts)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let lane = share_of_reads();
  let kv_head = workgroup.y;
  let group_size = params.heads / params.kv_heads;
  let first_d = part_of(local) * PartVec4s;
  let item = workgroup.x * Rows + local % Rows;
  let t = item / group_size;
  let head = kv_head * group_size + item % group_size;
  let last_row = state.rows - 1u;
  let seen = slots_seen(min(t, last_row), kv_head);
  // The same bounds for the whole workgroup, so that its threads read the same keys.
  let least = slots_seen(min((workgroup.x * Rows) / group_size, last_row), kv_head);
  let most = slots_seen(min((workgroup.x * Rows + Rows - 1u) / group_size, last_row), kv_head);
  let windowed = params.window > 0u;
  let begin = max(slots_from(), select(0u, least - min(params.window, least), windowed)) & ~7u;

  let q = ((state.first + min(t, last_row)) * params.heads + head) * HeadVec4s;
  var sum = Sum();
  let before = before_all(head, params.sinks);
  var largest = before.x;
  var total = before.y;
  for (var block = begin; block < most; block += 8u) {
    let page = page_of(block, kv_head);
    let slot = block % 32u;
    var a = vec4<f32>();
    var b = vec4<f32>();
    for (var i = 0u; i < keys_at_a_time(vec4s_of_part()); i++) {
      let d = first_d + i;
      let x = select(vec4<f32>(), query[q + inside(d)], is_inside(d));
      add_scores(x, page, inside(d), slot, lane, &a, &b);
    }
    join_scores(local, block, &a, &b);
    a *= params.scale;
    b *= params.scale;
    if (ScaleUnits > 0u && is_here(params.kv_heads)) {
      a *= vec4<f32>(key_scale(page, slot), key_scale(page, slot + 1u), key_scale(page, slot + 2u), key_scale(page, slot + 3u));
      b *= vec4<f32>(key_scale(page, slot + 4u), key_scale(page, slot + 5u), key_scale(page, slot + 6u), key_scale(page, slot + 7u));
    }
    if (Softcap && is_here(params.heads)) {
      a = params.softcap * tanh(clamp(a / params.softcap, vec4<f32>(-20.0), vec4<f32>(20.0)));
      if (is_here(params.kv_heads)) {
        b = params.softcap * tanh(clamp(b / params.softcap, vec4<f32>(-20.0), vec4<f32>(20.0)));
      }
    }
    if (Biased) {
      a += vec4<f32>(bias_of(page, slot), bias_of(page, slot + 1u), bias_of(page, slot + 2u), bias_of(page, slot + 3u));
      b += vec4<f32>(bias_of(page, slot + 4u), bias_of(page, slot + 5u), bias_of(page, slot + 6u), bias_of(page, slot + 7u));
    }
    // The slots that this row sees: so many from `low` on. Where registers are few they are read anew for each block.
    var seen_now = seen;
    if (Apart) {
      seen_now = slots_seen(min(t + (block >> 31u), last_row), kv_head); // of a row that no compiler knows to be the same
    }
    let low = max(slots_from(), select(0u, seen_now - min(params.window, seen_now), windowed));
    let count = max(seen_now, low) - low;
    let at = vec4<u32>(block - low) + vec4<u32>(0u, 1u, 2u, 3u); // those before `low` come out larger than any count
    let seen_a = at < vec4<u32>(count);
    let seen_b = at + 4u < vec4<u32>(count);
    a = select(vec4<f32>(-1e30), a, seen_a);
    b = select(vec4<f32>(-1e30), b, seen_b);
    let larger = max(a, b);
    let now = max(largest, max(max(larger.x, larger.y), max(larger.z, larger.w)));
    let fade = exp(largest - now);
    largest = now;
    a = select(vec4<f32>(), exp(a - now), seen_a);
    b = select(vec4<f32>(), exp(b - now), seen_b);
    total = total * fade + dot(a + b, vec4<f32>(1.0));
    if (ScaleUnits > 0u && is_here(params.stride)) {
      a *= vec4<f32>(value_scale(page, slot), value_scale(page, slot + 1u), value_scale(page, slot + 2u), value_scale(page, slot + 3u));
      b *= vec4<f32>(value_scale(page, slot + 4u), value_scale(page, slot + 5u), value_scale(page, slot + 6u), value_scale(page, slot + 7u));
    }
    add_values(&sum, fade, page, slot, min(8u, most - block), first_d, a, b, lane);
  }
  if (t > last_row) {
    return;
  }
  // Every place in `sum` is a constant: with one that is not, drivers keep all of it in memory.
  if (Joined) {
    let start = ((params.segment * params.most_rows + t) * params.heads + head) * (4u * HeadVec4s + 4u);
    for (var i = 0u; i < PartVec4s; i++) {
      if (is_inside(first_d + i) && is_here(params.head_dim)) {
        put(start, 4u * HeadVec4s, first_d + i, sum[i]);
      }
    }
    if (first_d == 0u) {
      attended[start + 4u * HeadVec4s] = largest;
      attended[start + 4u * HeadVec4s + 1u] = total;
    }
    return;
  }
  let start = (state.first + t) * params.stride + head * params.head_dim;
  for (var i = 0u; i < PartVec4s; i++) {
    if (is_inside(first_d + i) && is_here(params.head_dim)) {
      put(start, params.head_dim, first_d + i, sum[i] / total);
    }
  }
}
