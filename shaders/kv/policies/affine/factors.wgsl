// Numbers of a channel are read times a factor of its head, and were divided by it before they were made codes; before a head's list of pages
// (kv/where/list.wgsl) there is one for each channel.
const FactorWords = 1u;

fn factors(page : u32, d : u32) -> vec4<f32> {
  let at = pages[page + FactorsAt] + 4u * d;
  return bitcast<vec4<f32>>(vec4<u32>(lists[at], lists[at + 1u], lists[at + 2u], lists[at + 3u]));
}
