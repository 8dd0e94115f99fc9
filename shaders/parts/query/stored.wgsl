// Queries that another dispatch has turned, as that has appended the newest keys and values, for attention of one position.
@group(0) @binding(3) var<storage, read> query : array<vec4<f32>>; // (token, head, HeadVec4s)
@group(0) @binding(4) var<storage, read> pages : array<Unit>;

fn make_ready(first_head : u32, heads_here : u32, kv_head : u32, appends : bool, local : u32) {
}

// Where the queries of a workgroup begin.
fn queries_from(first_head : u32) -> u32 {
  return (state.first * params.heads + first_head) * HeadVec4s;
}

// 4 dimensions of the head-th of them.
fn query4(from_query : u32, head : u32, d : u32) -> vec4<f32> {
  return query[from_query + head * HeadVec4s + d];
}

fn finish(start : u32, first_head : u32, heads_here : u32, is_alone : bool, local : u32) {
}
