// Which bucket a vector falls into: on which side of `Planes` planes through the origin it lies, one bit each, whose normals are of numbers 1 and -1 by a hash
// of integers, so that they are the same everywhere. Buckets are numbered so that the codes of neighbours differ in one bit (a reflected code). Of `params`:
// layer.
fn mixed(x : u32) -> u32 {
  var hash = x * 2654435761u;
  hash = (hash ^ (hash >> 16u)) * 0x45d9f3bu;
  hash = (hash ^ (hash >> 16u)) * 0x45d9f3bu;
  return hash ^ (hash >> 16u);
}

// What the normals of a plane are made of, each kv head of each layer has its own; planes from 255 on are used otherwise.
fn seed_of(kv_head : u32, plane : u32) -> u32 {
  return mixed((params.layer * 256u + kv_head) * 256u + plane);
}

// 4 numbers of the normal.
fn signs4(seed : u32, d : u32) -> vec4<f32> {
  let bits = mixed(seed + d / 8u) >> (4u * (d % 8u));
  return 1.0 - 2.0 * vec4<f32>((vec4<u32>(bits) >> vec4<u32>(0u, 1u, 2u, 3u)) & vec4<u32>(1u));
}

// Of a code the place among all in the order in which one bit changes at a time.
fn bucket_of(code : u32) -> u32 {
  var place = code ^ (code >> 1u);
  place ^= place >> 2u;
  place ^= place >> 4u;
  return place;
}
