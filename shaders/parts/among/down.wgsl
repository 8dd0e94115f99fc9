// The last of up to three matvecs of a layer that share a bind group (among/back.wgsl): from what is hidden back to the residual.
const Slot : u32 = 2u; // where its parameters are

@group(0) @binding(0) var<uniform> params : array<Params, 3>;
@group(0) @binding(11) var<storage, read_write> input : array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> output : array<f32>;
