// attended[t][head] = softmax(query . keys * scale) . values for many rows of activations, online (FlashAttention-2,
// arXiv 2307.08691), causal, optionally of the last `window` positions. A thread takes one query row of one head; the
// heads that share a key/value head sit in one workgroup and read the same keys, 8 positions at a time, as eight/ has it.
// Only the sums are an array of a head's size, so only their loop has to be unrolled: what else was took llvmpipe 8 to 24 s
// to compile.
struct Params {
  heads : u32,
  kv_heads : u32,
  head_dim : u32,
  stride : u32, // floats per row of attended
  window : u32, // 0: none
  scale : f32,
}

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> state : State;
@group(0) @binding(3) var<storage, read> query : array<vec4<f32>>; // (token, head, HeadVec4s)
@group(0) @binding(4) var<storage, read> keys : array<Cached>;     // (position / 32, kv head, HeadVec4s + CacheScales, position % 32)
@group(0) @binding(5) var<storage, read> values : array<Cached>;   // (position, kv head, HeadVec4s + CacheScales)
@group(0) @binding(6) var<storage, read_write> attended : array<f32>;

alias Sum = array<vec4<f32>, HeadVec4s>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup : vec3<u32>, @builtin(local_invocation_index) local : u32) {
  let lane = share_of_reads();
  let row = HeadVec4s + CacheScales;
  let kv_head = workgroup.y;
  let group_size = params.heads / params.kv_heads;
  let item = workgroup.x * 64u + local;
  let t = item / group_size;
  let head = kv_head * group_size + item % group_size;
  let last_row = state.rows - 1u;
  let position = state.position + min(t, last_row);
  // The same bounds for the whole workgroup, so that its threads read the same keys.
  let lowest = state.position + min((workgroup.x * 64u) / group_size, last_row);
  let highest = state.position + min((workgroup.x * 64u + 63u) / group_size, last_row);
  let windowed = params.window > 0u;
  let begin = select(0u, lowest + 1u - min(params.window, lowest + 1u), windowed) & ~7u;

  let q = (min(t, last_row) * params.heads + head) * HeadVec4s;
  let vec4s = (params.head_dim + 3u) / 4u; // HeadVec4s, but no constant
  var sum = Sum();
  var largest = -1e30;
  var total = 0.0;
  for (var block = begin; block <= highest; block += 8u) {
    let key = ((block / 32u) * params.kv_heads + kv_head) * row * 32u + block % 32u;
    var a = vec4<f32>();
    var b = vec4<f32>();
    for (var d = 0u; d < vec4s; d++) {
      let x = query[q + d];
      let k = eight_keys(key + d * 32u, 1u, lane);
      a += vec4<f32>(dot(x, k[0]), dot(x, k[1]), dot(x, k[2]), dot(x, k[3]));
      b += vec4<f32>(dot(x, k[4]), dot(x, k[5]), dot(x, k[6]), dot(x, k[7]));
    }
    a *= params.scale;
    b *= params.scale;
    if (CacheScales > 0u) {
      let k = key + HeadVec4s * 32u;
      a *= vec4<f32>(cache_unpack_scale(keys[k]), cache_unpack_scale(keys[k + 1u]), cache_unpack_scale(keys[k + 2u]), cache_unpack_scale(keys[k + 3u]));
      b *= vec4<f32>(cache_unpack_scale(keys[k + 4u]), cache_unpack_scale(keys[k + 5u]), cache_unpack_scale(keys[k + 6u]), cache_unpack_scale(keys[k + 7u]));
    }
    let at_a = vec4<u32>(block) + vec4<u32>(0u, 1u, 2u, 3u);
    let at_b = at_a + vec4<u32>(4u);
    let seen_a = (at_a <= vec4<u32>(position)) & ((at_a + vec4<u32>(params.window) > vec4<u32>(position)) | vec4<bool>(!windowed));
    let seen_b = (at_b <= vec4<u32>(position)) & ((at_b + vec4<u32>(params.window) > vec4<u32>(position)) | vec4<bool>(!windowed));
    a = select(vec4<f32>(-1e30), a, seen_a);
    b = select(vec4<f32>(-1e30), b, seen_b);
    let larger = max(a, b);
    let now = max(largest, max(max(larger.x, larger.y), max(larger.z, larger.w)));
    let fade = exp(largest - now);
    largest = now;
    a = select(vec4<f32>(), exp(a - now), seen_a);
    b = select(vec4<f32>(), exp(b - now), seen_b);
    total = total * fade + dot(a + b, vec4<f32>(1.0));
    let value = (block * params.kv_heads + kv_head) * row;
    let next = params.kv_heads * row;
    if (CacheScales > 0u) {
      let v = value + HeadVec4s;
      a *= vec4<f32>(cache_unpack_scale(values[v]), cache_unpack_scale(values[v + next]), cache_unpack_scale(values[v + 2u * next]), cache_unpack_scale(values[v + 3u * next]));
      b *= vec4<f32>(cache_unpack_scale(values[v + 4u * next]), cache_unpack_scale(values[v + 5u * next]), cache_unpack_scale(values[v + 6u * next]), cache_unpack_scale(values[v + 7u * next]));
    }
    add_values(&sum, fade, value, next, min(8u, highest + 1u - block), a, b, lane);
  }
  if (t > last_row) {
    return;
  }
  for (var d = 0u; d < HeadVec4s; d++) {
    let result = sum[d] / total;
    for (var i = 0u; i < 4u && d * 4u + i < params.head_dim; i++) {
      attended[t * params.stride + head * params.head_dim + d * 4u + i] = result[i];
    }
  }
}
