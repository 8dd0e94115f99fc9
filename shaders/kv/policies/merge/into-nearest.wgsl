// A slot that goes is merged into the one that stays whose key is the most like its own, if it is like enough.
@group(0) @binding(4) var<storage, read> nearest : array<vec2<f32>>; // (kv head, index): cosine, and the bits of the index, as kv-alike.wgsl leaves them

var<workgroup> alike : array<vec2<f32>, Threads>; // sum of cosines, slots

// From which cosine on, of all of a head: what is asked, or the mean of those that go.
fn prepare(kv_head : u32, local : u32) -> f32 {
  if (params.by_mean == 0u) {
    return params.least;
  }
  var own = vec2<f32>();
  for (var i = local; i < candidates(kv_head); i += Threads) {
    if (goes(i, kv_head)) {
      own += vec2<f32>(nearest[kv_head * params.most + i].x, 1.0);
    }
  }
  alike[local] = own;
  for (var stride = Threads / 2u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    if (local < stride) {
      alike[local] += alike[local + stride];
    }
  }
  workgroupBarrier();
  return max(params.least, alike[0].x / max(1.0, alike[0].y));
}

fn target_of(workgroup : u32) -> u32 {
  return workgroup;
}

// The cosine of one that goes to `own`, below -1 of one that goes elsewhere.
fn cosine(i : u32, own : u32, kv_head : u32, least : f32) -> f32 {
  let found = nearest[kv_head * params.most + i];
  return select(-2.0, found.x, bitcast<u32>(found.y) == own && found.x >= least);
}
