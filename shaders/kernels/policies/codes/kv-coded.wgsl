// keys[head][slot - First] = query . key * scale, of all slots of a set that a row chooses from, by the codes of their keys, turned by their positions;
// those that are further back than `span`, if it is not 0, as if they were so far (windowed RoPE). A thread takes a slot. After state.wgsl,
// pick/turned.wgsl, pick/books.wgsl.
struct Params {
  heads : u32,
  kv_heads : u32,
  room : u32, // slots that there is room for of each head
  span : u32,
  scale : f32,
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> state : State;
@group(0) @binding(3) var<storage, read> query : array<vec4<f32>>;    // (token, head, HeadVec4s)
@group(0) @binding(4) var<storage, read> summaries : array<u32>;
@group(0) @binding(5) var<storage, read_write> keys : array<f32>;
@group(0) @binding(6) var<storage, read> books : array<f32>;
@group(0) @binding(7) var<storage, read> lists : array<u32>;          // as where/list.wgsl has them, of one set

fn coded4(kv_head : u32, codes : u32, d : u32) -> vec4<f32> {
  let part = 4u * d / Width;
  let at = centroid_at(kv_head, code_of(summaries[codes + part / 8u], part)) + 4u * d;
  return vec4<f32>(books[at], books[at + 1u], books[at + 2u], books[at + 3u]);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3<u32>) {
  let kv_head = id.y;
  let slot = First + id.x;
  if (slot >= lists[2u * kv_head + 1u]) {
    return;
  }
  let codes = code_at(lists[lists[2u * kv_head] + slot / PageSlots], slot % PageSlots);
  let nearest = select(state.position - min(state.position, params.span), 0u, params.span == 0u);
  let position = max(slot, nearest);
  let first = state.first * params.heads + kv_head * Group;
  var scores = array<f32, Group>();
  for (var d = 0u; d < HeadVec4s; d++) {
    let key = turned4(coded4(kv_head, codes, d), coded4(kv_head, codes, partner(d)), d, position, 1.0);
    for (var h = 0u; h < Group; h++) {
      scores[h] += dot(query[(first + h) * HeadVec4s + d], key);
    }
  }
  for (var h = 0u; h < Group; h++) {
    keys[(kv_head * Group + h) * params.room + id.x] = scores[h] * params.scale;
  }
}
