// What a step knows of the slots of a set by their buckets, u32 words of each kv head one after the other: where each bucket begins among the sorted slots,
// and their number; (bucket, thread) counts of kv-order.wgsl; the slots behind the first `First`, sorted by bucket and then by slot, of which `Block` each are a
// block; where the queries of each block begin, and their number; and those queries, as places among the rows and heads of the step.
const Buckets = 1u << Planes;

fn words_of_head() -> u32 {
  return Buckets + 1u + Buckets * Sorters + params.most + params.most_blocks + 1u + params.most_queries;
}

fn counts_at(kv_head : u32) -> u32 {
  return kv_head * words_of_head() + Buckets + 1u;
}

fn slots_at(kv_head : u32) -> u32 {
  return counts_at(kv_head) + Buckets * Sorters;
}

fn blocks_at(kv_head : u32) -> u32 {
  return slots_at(kv_head) + params.most;
}

fn queries_at(kv_head : u32) -> u32 {
  return blocks_at(kv_head) + params.most_blocks + 1u;
}
