// Types whose codes are reckoned with as they are.
fn fill_table(local : u32, threads : u32) {
}
