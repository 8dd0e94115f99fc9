// What the kernels share that attend for many rows of one segment: parameters, bindings, and how a vec4 of the result is written.
struct Params {
  heads : u32,
  kv_heads : u32,
  head_dim : u32,
  stride : u32, // floats per row of attended
  window : u32, // 0: none
  scale : f32,
  softcap : f32,
  segment : u32, // of those that are joined
  set_index : u32,     // of the layer's, where it is one
  most_rows : u32, // that a segment has room for
  sinks : u32, // float index in `vectors`
}

override Joined : bool = false;
override Softcap : bool = false;

@group(0) @binding(0) var<uniform> params : Params;
@group(0) @binding(2) var<storage, read> state : State;
@group(0) @binding(3) var<storage, read> query : array<vec4<f32>>; // (token, head, HeadVec4s)
@group(0) @binding(4) var<storage, read> pages : array<Unit>;
@group(0) @binding(5) var<storage, read_write> attended : array<f32>; // (row, head, head_dim), or joined: (segment, t, head, 4 * HeadVec4s + 4)

fn put(start : u32, dims : u32, d : u32, value : vec4<f32>) {
  let at = start + d * 4u;
  attended[at] = value.x;
  if (d * 4u + 1u < dims) {
    attended[at + 1u] = value.y;
  }
  if (d * 4u + 2u < dims) {
    attended[at + 2u] = value.z;
  }
  if (d * 4u + 3u < dims) {
    attended[at + 3u] = value.w;
  }
}
