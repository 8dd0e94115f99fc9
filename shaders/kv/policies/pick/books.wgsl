// Codes of keys as they are before positions turn them: a head is cut into `Parts` parts of `Width` numbers, each of which is the nearest of 16 centroids, by
// a metric of its own (A2ATS, arXiv 2502.12665). summaries[page][slot] has the codes of a slot, 8 in a word; books[kv head] the centroids, (centroid,
// number), and the metrics behind them, (part, number, number).
const Centroids = 16u;
const Numbers = 4u * HeadVec4s;
const BookNumbers = Numbers * (Centroids + Width);
const CodeWords = (Parts + 7u) / 8u;

// The first word of a slot's codes; `page` is the page's number.
fn code_at(page : u32, slot : u32) -> u32 {
  return (page * PageSlots + slot) * CodeWords;
}

fn code_of(word : u32, part : u32) -> u32 {
  return (word >> (4u * (part % 8u))) & 15u;
}

fn centroid_at(kv_head : u32, centroid : u32) -> u32 {
  return kv_head * BookNumbers + centroid * Numbers;
}

fn metric_at(kv_head : u32, part : u32) -> u32 {
  return kv_head * BookNumbers + Centroids * Numbers + part * Width * Width;
}
