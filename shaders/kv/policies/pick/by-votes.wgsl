// Slots by the sum of their shares over all heads of a layer (TokenSelect, arXiv 2411.02886), whose scores kv-votes.wgsl has left in `keys`. A choice is
// kept while the query, of all heads, is like the one that chose: behind each head's runs lies its part of that. After shares.wgsl
// and slots.wgsl.
var<workgroup> products : array<vec3<f32>, Threads>; // of both queries, of each with itself
var<workgroup> is_alike : u32;

// Where the i-th number of the query that chose lies.
fn held_at(i : u32) -> u32 {
  let numbers = 4u * HeadVec4s * Group;
  let runs = runs_at(i / numbers);
  return runs.x + runs.y - numbers + i % numbers;
}

fn asked(i : u32) -> f32 {
  return query[query_at(0u) + i / 4u][i % 4u];
}

fn holds(kv_head : u32, local : u32) -> bool {
  var sum = vec3<f32>();
  for (var i = local; i < 4u * HeadVec4s * params.heads; i += Threads) {
    let now = asked(i);
    let before = bitcast<f32>(picked[held_at(i)]);
    sum += vec3<f32>(now * before, now * now, before * before);
  }
  products[local] = sum;
  for (var stride = Threads / 2u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    if (local < stride) {
      products[local] += products[local + stride];
    }
  }
  if (local == 0u) {
    is_alike = u32(products[0].x >= params.alike * sqrt(products[0].y) * sqrt(products[0].z));
  }
  return workgroupUniformLoad(&is_alike) == 1u;
}

fn prepare(kv_head : u32, local : u32, at : u32, items : u32) {
  for (var i = local; i < 4u * HeadVec4s * params.heads; i += Threads) {
    picked[held_at(i)] = bitcast<u32>(asked(i));
  }
  note_shares(at, items, local);
}
