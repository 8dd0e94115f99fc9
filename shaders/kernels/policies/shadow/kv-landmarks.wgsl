// Landmarks of runs from run `first` on, the means of their keys, and how like it the key is that is the least: likeness[kv head][run], its cosine. The last key
// of a run that is not full counts for those it has not. A thread takes a run. After a format's files, where/list.wgsl, shadow/known.wgsl.
struct Params {
  kv_heads : u32,
  set_index : u32,
  first : u32,
  room : u32, // runs that there is room for in `likeness` of each head
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(4) var<storage, read> pages : array<Unit>;
@group(0) @binding(5) var<storage, read_write> summaries : array<Unit>;
@group(0) @binding(6) var<storage, read_write> likeness : array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3<u32>) {
  let kv_head = id.y;
  let run = params.first + id.x;
  let begin = First + run * Each;
  let slots = lists[list_of(kv_head) + 1u];
  if (begin >= slots) {
    return;
  }
  let landmark = landmark_at(kv_head, run);
  var products = array<f32, Each>();
  var squares = array<f32, Each>();
  var square = 0.0;
  for (var d = 0u; d < HeadVec4s; d++) {
    var own = array<vec4<f32>, Each>();
    var mean = vec4<f32>();
    for (var i = 0u; i < Each; i++) {
      let slot = min(begin + i, slots - 1u);
      own[i] = key4(page_of(slot, kv_head), d, slot % PageSlots);
      mean += own[i];
    }
    mean /= f32(Each);
    summaries[landmark + d] = pack(mean, 1.0);
    square += dot(mean, mean);
    for (var i = 0u; i < Each; i++) {
      products[i] += dot(own[i], mean);
      squares[i] += dot(own[i], own[i]);
    }
  }
  var least = 1.0;
  for (var i = 0u; i < Each; i++) {
    least = min(least, products[i] / max(sqrt(squares[i] * square), 1e-8));
  }
  likeness[kv_head * params.room + run] = least;
}
