// The second of up to three matvecs of a layer that share a bind group (among/back.wgsl): from the residual to what is hidden.
const Slot : u32 = 1u; // where its parameters are

@group(0) @binding(0) var<uniform> params : array<Params, 3>;
@group(0) @binding(5) var<storage, read_write> input : array<vec4<f32>>;
@group(0) @binding(11) var<storage, read_write> output : array<f32>;
