// Which neurons of a trained model are on, as it was recorded.
import { fixture } from './fixture.ts';

/** Of every token the neurons of each layer in turn, those of a layer counted behind those of the one before: (tokens x layers) lists. */
export function activeNeurons(model: string, layers: number, neurons: number): number[][] {
  const bits = fixture(`${model}.active.u8`);
  return Array.from({ length: (8 * bits.length) / neurons }, (_, row) =>
    Array.from({ length: neurons }, (_, n) => n).filter((n) => (bits[(row * neurons + n) >> 3] >> (n & 7)) & 1).map((n) => neurons * (row % layers) + n));
}
