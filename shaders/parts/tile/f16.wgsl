// Tiles of weights in f16: half the workgroup memory; sums stay f32.
enable f16;
alias Tile = vec4<f16>;
