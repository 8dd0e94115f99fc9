// The last `queries` queries of a layer are kept for a policy's ticks.
@group(0) @binding(8) var<storage, read_write> last_queries : array<vec4<f32>>; // (position % queries, head, head_vec4s)

fn keep_query(position : u32, head : u32, slice : u32, value : vec4<f32>) {
  if (position + params.queries < state.position + state.rows) {
    return; // a later row of the step has its place
  }
  last_queries[((position % params.queries) * params.heads + head) * params.head_vec4s + slice] = value;
}
