// Bounds of coarse runs of `Coarse` slots, of those that have chunks of `Each` whose bounds are new since `before` slots were there (kv-bounds.wgsl): the least
// and the largest of theirs, in the last units of a run's first page and of its second, in order of pages. A thread takes 4 dimensions. After a format's file.
struct Params {
  kv_heads : u32,
  before : u32,
}

const Chunks = Coarse / Each;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(5) var<storage, read_write> summaries : array<Unit>;
@group(0) @binding(7) var<storage, read> lists : array<u32>; // as where/list.wgsl has them, of one set

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3<u32>) {
  let kv_head = id.y;
  let d = id.x % HeadVec4s;
  let run = (params.before - min(First, params.before)) / Coarse + id.x / HeadVec4s;
  let slots = lists[2u * kv_head + 1u];
  let candidates = slots - min(First, slots);
  if (run * Coarse >= candidates) {
    return;
  }
  var low = vec4<f32>(3.4e38);
  var high = vec4<f32>(-3.4e38);
  for (var chunk = run * Chunks; chunk < min((run + 1u) * Chunks, (candidates + Each - 1u) / Each); chunk++) {
    let slot = chunk * Each;
    let at = (slot / PageSlots * params.kv_heads + kv_head) * Known + slot % PageSlots / Each * 2u * HeadVec4s + d;
    low = min(low, unpack(summaries[at]));
    high = max(high, unpack(summaries[at + HeadVec4s]));
  }
  let at = (run * (Coarse / PageSlots) * params.kv_heads + kv_head) * Known + Known - HeadVec4s + d;
  summaries[at] = pack(low, 1.0);
  summaries[at + params.kv_heads * Known] = pack(high, 1.0);
}
