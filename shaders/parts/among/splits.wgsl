// Where the first of the matvecs that share a bind group is among them: what it joins.
@group(0) @binding(4) var<storage, read> splits : array<vec4<f32>>;
