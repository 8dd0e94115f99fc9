// What a matvec reads and writes that has a bind group for itself.
const Slot : u32 = 0u; // where its parameters are

@group(0) @binding(0) var<uniform> params : array<Params, 1>;
@group(0) @binding(4) var<storage, read> input : array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> output : array<f32>;
