// What the kernels of mixtures have room for in workgroup memory.
const MostExperts : u32 = 512u;
