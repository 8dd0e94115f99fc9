// What the kernels of mixtures have room for in workgroup memory. Apart from them, as TypeScript reads it before they are loaded.
const MostExperts : u32 = 512u;
const MostUsed : u32 = 64u;   // experts of a row
const MostGroups : u32 = 64u; // of experts
