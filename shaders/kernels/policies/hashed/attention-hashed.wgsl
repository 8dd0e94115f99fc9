// As attention.wgsl, of a set of which a row reads the first slots, the block of slots that its query is like (kv-route.wgsl), and for all others some that are
// drawn, each of which stands for as many as it was drawn from (HyperAttention, arXiv 2310.05869). A workgroup takes the queries of a block, `Rows` at a time, all
// of which read the same slots; parts of heads are as head/ has them.
struct Params {
  heads : u32,
  kv_heads : u32,
  head_dim : u32,
  scale : f32,
  softcap : f32,
  segment : u32, // of those that are joined
  set_index : u32,
  most_rows : u32, // that a segment has room for
  layer : u32,
  samples : u32,
  most : u32,
  most_blocks : u32,
  most_queries : u32,
}

override Softcap : bool = false;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> state : State;
@group(0) @binding(3) var<storage, read> query : array<vec4<f32>>; // (token, head, HeadVec4s)
@group(0) @binding(4) var<storage, read> pages : array<Unit>;
@group(0) @binding(5) var<storage, read_write> attended : array<f32>; // (segment, t, head, 4 * HeadVec4s + 4)
@group(0) @binding(6) var<storage, read> sorted : array<u32>;

const Nothing = -1e30;

// A slot that is read: where its page begins, its place there, and what its score is raised by.
struct Entry {
  page : u32,
  slot : u32,
  raised : f32,
}

var<workgroup> held : array<Entry, Rows * Parts>; // the same for all queries of the block

struct Own {
  block : u32,
  first : u32,  // among the sorted slots
  count : u32,
  slots : u32,  // sorted ones
}

// The n-th that the queries of a block read: of the first slots, then of the block, then of those that are drawn.
fn entry_at(n : u32, kv_head : u32, own : Own) -> Entry {
  var slot = n;
  var raised = 0.0;
  if (n >= First) {
    var at = own.first + n - First;
    if (n - First >= own.count) {
      let drawn = n - First - own.count;
      let begin = drawn * own.slots / params.samples;
      let width = (drawn + 1u) * own.slots / params.samples - begin;
      at = begin + mixed(seed_of(kv_head, 255u) + own.slots * 4099u + drawn) % max(width, 1u);
      raised = select(Nothing, log(f32(max(width, 1u))), drawn < params.samples && width > 0u && at / Block != own.block);
      at = min(at, own.slots - 1u);
    }
    slot = sorted[slots_at(kv_head) + at];
  }
  return Entry(page_of(slot, kv_head), slot % PageSlots, raised);
}

@compute @workgroup_size(Rows * Parts)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let kv_head = workgroup.y;
  let group_size = params.heads / params.kv_heads;
  let first_d = part_of(local) * PartVec4s;
  let slots = sorted[kv_head * words_of_head() + Buckets];
  let first = workgroup.x * Block;
  let own = Own(workgroup.x, first, min(Block, slots - min(first, slots)), slots);
  let entries = First + own.count + params.samples;
  let until = sorted[blocks_at(kv_head) + workgroup.x + 1u];
  var turn = 0u; // of join_scores
  for (var begin = sorted[blocks_at(kv_head) + workgroup.x]; begin < until; begin += Rows) {
    let place = begin + local % Rows;
    let item = sorted[queries_at(kv_head) + min(place, until - 1u)];
    let t = item / group_size;
    let head = kv_head * group_size + item % group_size;
    let q = ((state.first + t) * params.heads + head) * HeadVec4s;
    var sum = array<vec4<f32>, PartVec4s>();
    var largest = Nothing;
    var total = 0.0;
    for (var tile = 0u; tile < entries; tile += Rows * Parts) {
      workgroupBarrier();
      held[local] = entry_at(tile + local, kv_head, own);
      workgroupBarrier();
      for (var n = 0u; n < min(entries - tile, Rows * Parts); n += 8u) {
        let e = array<Entry, 8>(held[n], held[n + 1u], held[n + 2u], held[n + 3u], held[n + 4u], held[n + 5u], held[n + 6u], held[n + 7u]);
        var page_a = vec4<u32>(e[0].page, e[1].page, e[2].page, e[3].page);
        var page_b = vec4<u32>(e[4].page, e[5].page, e[6].page, e[7].page);
        var slot_a = vec4<u32>(e[0].slot, e[1].slot, e[2].slot, e[3].slot);
        var slot_b = vec4<u32>(e[4].slot, e[5].slot, e[6].slot, e[7].slot);
        let raised_a = vec4<f32>(e[0].raised, e[1].raised, e[2].raised, e[3].raised);
        let raised_b = vec4<f32>(e[4].raised, e[5].raised, e[6].raised, e[7].raised);
        var a = vec4<f32>();
        var b = vec4<f32>();
        for (var i = 0u; i < vec4s_of_part(); i++) {
          let d = inside(first_d + i);
          let x = select(vec4<f32>(), query[q + d], is_inside(first_d + i));
          a += vec4<f32>(dot(x, key4(page_a.x, d, slot_a.x)), dot(x, key4(page_a.y, d, slot_a.y)), dot(x, key4(page_a.z, d, slot_a.z)),
            dot(x, key4(page_a.w, d, slot_a.w)));
          b += vec4<f32>(dot(x, key4(page_b.x, d, slot_b.x)), dot(x, key4(page_b.y, d, slot_b.y)), dot(x, key4(page_b.z, d, slot_b.z)),
            dot(x, key4(page_b.w, d, slot_b.w)));
        }
        join_scores(local, turn, &a, &b);
        turn += 8u;
        a *= params.scale;
        b *= params.scale;
        if (ScaleUnits > 0u) {
          a *= vec4<f32>(key_scale(page_a.x, slot_a.x), key_scale(page_a.y, slot_a.y), key_scale(page_a.z, slot_a.z), key_scale(page_a.w, slot_a.w));
          b *= vec4<f32>(key_scale(page_b.x, slot_b.x), key_scale(page_b.y, slot_b.y), key_scale(page_b.z, slot_b.z), key_scale(page_b.w, slot_b.w));
        }
        if (Softcap) {
          a = params.softcap * tanh(clamp(a / params.softcap, vec4<f32>(-20.0), vec4<f32>(20.0)));
          b = params.softcap * tanh(clamp(b / params.softcap, vec4<f32>(-20.0), vec4<f32>(20.0)));
        }
        let read_a = raised_a > vec4<f32>(0.5 * Nothing);
        let read_b = raised_b > vec4<f32>(0.5 * Nothing);
        a = select(vec4<f32>(Nothing), a + raised_a, read_a);
        b = select(vec4<f32>(Nothing), b + raised_b, read_b);
        let larger = max(a, b);
        let now = max(largest, max(max(larger.x, larger.y), max(larger.z, larger.w)));
        let fade = exp(largest - now);
        largest = now;
        a = select(vec4<f32>(), exp(a - now), read_a);
        b = select(vec4<f32>(), exp(b - now), read_b);
        total = total * fade + dot(a + b, vec4<f32>(1.0));
        for (var d = 0u; d < PartVec4s; d++) {
          sum[d] *= fade;
        }
        for (var i = 0u; i < 8u; i++) {
          let weight = select(a.x, a.x * value_scale(page_a.x, slot_a.x), ScaleUnits > 0u);
          for (var d = 0u; d < PartVec4s; d++) {
            sum[d] += weight * value4(page_a.x, slot_a.x, inside(first_d + d));
          }
          a = vec4<f32>(a.yzw, b.x);
          b = b.yzwx;
          page_a = vec4<u32>(page_a.yzw, page_b.x);
          page_b = page_b.yzwx;
          slot_a = vec4<u32>(slot_a.yzw, slot_b.x);
          slot_b = slot_b.yzwx;
        }
      }
    }
    if (place < until) {
      let start = ((params.segment * params.most_rows + t) * params.heads + head) * (4u * HeadVec4s + 4u);
      for (var i = 0u; i < PartVec4s; i++) {
        if (is_inside(first_d + i)) {
          for (var j = 0u; j < 4u; j++) {
            attended[start + (first_d + i) * 4u + j] = sum[i][j];
          }
        }
      }
      if (first_d == 0u) {
        attended[start + 4u * HeadVec4s] = largest;
        attended[start + 4u * HeadVec4s + 1u] = total;
      }
    }
  }
}
