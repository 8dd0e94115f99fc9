// Subgroup matrices of f16 with sums in f32. The activations of a token are scaled by a power of two so that the largest
// are of 2^10: far below the largest f16, and what is too small for f16 is less than 2^-25 of them.
enable f16;
alias Component = f16;
const Reach = 1024.0;
