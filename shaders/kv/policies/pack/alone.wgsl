// A page says nothing but its slots.
fn begin_page(page : u32, kv_head : u32, is_first : bool) {
}
