// Runs by their shares of the attention that the query of any head of a group would pay if each had its landmark for its keys; the largest counts. Those that
// are outliers are read besides (ShadowKV, arXiv 2410.21465). After shadow/known.wgsl, shares.wgsl.
@group(0) @binding(4) var<storage, read> summaries : array<Unit>;
@group(0) @binding(6) var<storage, read> books : array<Unit>;

fn holds(kv_head : u32, local : u32) -> bool {
  return false;
}

fn items_of(count : u32) -> u32 {
  return (count + Run - 1u) / Run;
}

fn item_of(kv_head : u32, run : u32) -> u32 {
  return run;
}

fn prepare(kv_head : u32, local : u32, at : u32, items : u32) {
  for (var i = local; i < items; i += Threads) {
    let landmark = landmark_at(kv_head, i);
    for (var h = 0u; h < Group; h++) {
      var score = 0.0;
      for (var d = 0u; d < params.head_vec4s; d++) {
        score += dot(query[query_at(kv_head * Group + h) + d], unpack(summaries[landmark + d]));
      }
      keys[at + h * params.room + i] = bitcast<u32>(score * params.scale);
    }
  }
  note_shares(at, items, local);
}

fn is_outlier(kv_head : u32, item : u32) -> bool {
  return outlier_of(books[outlier_at(kv_head, item)]) > 0u;
}

fn weight(kv_head : u32, item : u32) -> u32 {
  return select(1u, 0u, is_outlier(kv_head, item));
}

fn rank_key(kv_head : u32, item : u32, at : u32, count : u32) -> u32 {
  if (is_outlier(kv_head, item)) {
    return Most;
  }
  var most = 0.0;
  for (var row = 0u; row < Rows; row++) {
    most = max(most, share(at, row, item));
  }
  return key_of(most);
}
