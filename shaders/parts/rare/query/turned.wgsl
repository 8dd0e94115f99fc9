// Attention of one position that turns its queries by itself, in workgroup memory; the split that ends with the newest key and value appends
// them. A split that is alone leaves the result, with nothing to join. All heads that share a key/value head are in one workgroup.
@group(0) @binding(3) var<storage, read> qkv : array<f32>;
@group(0) @binding(4) var<storage, read_write> pages : array<Unit>;
@group(0) @binding(6) var<storage, read> angles : array<vec2<f32>>; // cos, sin
@group(0) @binding(7) var<storage, read_write> attended : array<f32>;

var<workgroup> turned : array<vec4<f32>, Heads * HeadVec4s>; // (head, HeadVec4s)

fn make_ready(first_head : u32, heads_here : u32, kv_head : u32, appends : bool, local : u32) {
  let start = state.first * params.qkv_stride;
  for (var i = local; i < heads_here * HeadVec4s; i += Threads) {
    let head = first_head + i / HeadVec4s;
    turned[i] = make(head, i % HeadVec4s, start + head * params.head_dim, state.position);
  }
  if (appends) {
    let slot = slots_seen(0u, kv_head) - 1u;
    let page = page_of(slot, kv_head);
    for (var kind = 0u; kind < 2u; kind++) { // key, value
      let head = params.heads + kind * params.kv_heads + kv_head;
      var made = vec4<f32>();
      if (local < HeadVec4s) {
        made = make(head, local, start + head * params.head_dim, state.position);
      }
      let scale = scale_of(made, local, 0u, HeadVec4s);
      if (local < HeadVec4s && kind == 0u) {
        put_key(page, slot % PageSlots, local, made, scale);
      }
      if (local < HeadVec4s && kind == 1u) {
        put_value(page, slot % PageSlots, local, made, scale);
      }
      workgroupBarrier();
    }
  }
  storageBarrier();
  workgroupBarrier();
}

// Where the queries of a workgroup begin.
fn queries_from(first_head : u32) -> u32 {
  return 0u;
}

// 4 dimensions of the head-th of them.
fn query4(from_query : u32, head : u32, d : u32) -> vec4<f32> {
  return turned[from_query + head * HeadVec4s + d];
}

fn finish(start : u32, first_head : u32, heads_here : u32, is_alone : bool, local : u32) {
  storageBarrier();
  workgroupBarrier();
  for (var i = local; is_alone && i < heads_here * HeadVec4s; i += Threads) {
    let head = i / HeadVec4s;
    let d = i % HeadVec4s;
    let from_split = start + head * (HeadVec4s + 1u);
    let sum = partials[from_split + d] / partials[from_split + HeadVec4s].y;
    for (var n = 0u; n < 4u && d * 4u + n < params.head_dim; n++) {
      attended[state.first * params.stride + (first_head + head) * params.head_dim + d * 4u + n] = sum[n];
    }
  }
}
