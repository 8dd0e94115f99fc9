// Words that lie before each head's list of pages, for kernels that put them there.
@group(0) @binding(7) var<storage, read_write> lists : array<u32>; // as where/list.wgsl has them

fn list_of(kv_head : u32) -> u32 {
  return 2u * (params.set_index * params.kv_heads + kv_head);
}

// Where the last so many of them begin.
fn before_list(kv_head : u32, words : u32) -> u32 {
  return lists[list_of(kv_head)] - words;
}
