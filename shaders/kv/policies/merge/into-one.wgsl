// All slots that go are merged into one, which stays (RazorAttention's compensation token, arXiv 2407.15891).
fn prepare(kv_head : u32, local : u32) -> f32 {
  return 0.0;
}

fn target_of(workgroup : u32) -> u32 {
  return params.into;
}

fn cosine(i : u32, own : u32, kv_head : u32, least : f32) -> f32 {
  return 1.0;
}
