// Tiles of weights in f32.
alias Tile = vec4<f32>;
