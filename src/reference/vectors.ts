// What the references of policies reckon with rows of numbers.

export type Row = readonly number[];

export const dot = (a: Row, b: Row): number => a.reduce((sum, x, d) => sum + x * b[d], 0);
