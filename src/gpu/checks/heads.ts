// Heads of queries, keys and values as the checks of rope and of attention name, join and measure them.
import { kvFormat, kvFormats } from '../../kv/formats/catalogue.ts';

export interface Heads {
  heads: number;
  kvHeads: number;
  headDim: number;
}

export const nameOfHeads = ({ heads, kvHeads, headDim }: Heads): string => `${heads}/${kvHeads} heads of ${headDim}`;

export const kvs = [...kvFormats.values()];
export const f32 = kvFormat('f32');

export const concat = (parts: Float32Array[]): Float32Array => Float32Array.from(parts.flatMap((part) => [...part]));
