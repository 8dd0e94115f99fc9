@group(0) @binding(6) var<storage, read> planes : array<u32>; // (page, plane, slot)
