// What copies of a sequence are made of: the keys and values of its layers, as far as tokens fill them, and its tokens.
import { segmentBytes } from './segment.ts';
import { type Sequence, type SequenceHome } from './sequence.ts';

/** The keys and values of every layer. */
export const layersOf = ({ config }: SequenceHome, sequence: Sequence): GPUBuffer[] =>
  Array.from({ length: config.layers }, (_, layer) => sequence.fresh(layer).buffer);

/** Bytes of a layer that so many tokens fill. */
export const pagesOf = ({ config, format }: SequenceHome, length: number): number => segmentBytes(config, length, format);

/** Notes the tokens of keys and values that were put there. */
export function writeTokens({ device }: SequenceHome, sequence: Sequence, known: readonly number[]): void {
  device.queue.writeBuffer(sequence.ids.buffer, 0, Uint32Array.from(known));
  sequence.note(0, known);
}
