// How a table of slots says that an item is in none: in TypeScript and in shaders.

export const noSlot = 0xffff_ffff;
