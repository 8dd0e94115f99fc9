// Subgroup matrices of f32, which need no scaling.
alias Component = f32;
const Reach = 0.0;
