// Scores as those of runs of `size` slots, of all kv heads: the largest, or the mean, of the means over heads. What no whole run has is -1
// (WindowKV, arXiv 2503.17922). All heads have as many slots.
struct Params {
  kv_heads : u32,
  set_index : u32,
  fresh : u32,   // fresh slots that take part
  most : u32,    // slots of a head that there is room for
  size : u32,
  largest : u32, // 1: the largest of a run, 0: its mean
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(3) var<storage, read> scores : array<f32>;        // (kv head, index)
@group(0) @binding(5) var<storage, read_write> of_runs : array<f32>; // (kv head, index)

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id : vec3<u32>) {
  let count = candidates(id.y);
  if (id.x >= count) {
    return;
  }
  let first = id.x / params.size * params.size;
  var most = -1e30;
  var sum = 0.0;
  for (var i = first; i < min(first + params.size, count); i++) {
    var of_heads = 0.0;
    for (var h = 0u; h < params.kv_heads; h++) {
      of_heads += scores[h * params.most + i];
    }
    most = max(most, of_heads);
    sum += of_heads;
  }
  let score = select(sum / f32(params.size), most, params.largest == 1u) / f32(params.kv_heads);
  of_runs[id.y * params.most + id.x] = select(-1.0, score, first + params.size <= count);
}
