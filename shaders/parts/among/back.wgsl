// The first of up to three matvecs of a layer that share a bind group: it joins splits of attention and adds to the residual. What a kernel does
// not read is bound too, as setting a group costs more than some bindings; what one of them writes is writable for all.
const Slot : u32 = 0u; // where its parameters are

@group(0) @binding(0) var<uniform> params : array<Params, 3>;
@group(0) @binding(4) var<storage, read> input : array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> output : array<f32>;
@group(0) @binding(11) var<storage, read_write> hidden : array<f32>;
