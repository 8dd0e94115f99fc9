// Queries are kept by no one.
fn keep_query(position : u32, head : u32, slice : u32, value : vec4<f32>) {
}
