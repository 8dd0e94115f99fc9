// What copies of a sequence are made of: the keys and values of its layers, as far as tokens fill them, and its tokens.
import { cachesOf, segmentBytes } from './segment.ts';
import { type Sequence, type SequenceHome } from './sequence.ts';

/** The keys and values of every cache. */
export const layersOf = ({ config }: SequenceHome, sequence: Pick<Sequence, 'fresh'>): GPUBuffer[] =>
  cachesOf(config).map((_, layer) => sequence.fresh(layer).buffer);

/** Of each cache the bytes that so many tokens fill. */
export const pagesOf = ({ config, format }: SequenceHome, length: number): number[] =>
  cachesOf(config).map((heads) => segmentBytes(heads, length, format));

/** Notes the tokens of keys and values that were put there. */
export function writeTokens({ device }: SequenceHome, sequence: Sequence, known: readonly number[]): void {
  device.queue.writeBuffer(sequence.ids.buffer, 0, Uint32Array.from(known));
  sequence.note(0, known);
}
