// The buffers of one sequence: its state, its token ids, its keys and values. Knows nothing of texts.
import { type Ledger } from '../gpu/ledger.ts';
import { type Binding } from '../gpu/program.ts';
import { stateBytes } from './activations.ts';
import { type KvCache } from './kv-cache.ts';
import { type Activations, type SequenceBuffers } from './operation.ts';

/** Bytes of what `createSequenceBuffers` makes. */
export const sequenceBytes = (context: number): Record<string, number> => ({ state: stateBytes, ids: 4 * context });

/** Keys and values are those of `cache`, also after it has grown. */
export function createSequenceBuffers(ledger: Ledger, context: number, cache: Pick<KvCache, 'keys' | 'values'>): SequenceBuffers {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const made = Object.entries(sequenceBytes(context)).map(([name, bytes]): [string, Binding] => [name, { buffer: ledger.create('activations', `sequence.${name}`, bytes, usage) }]);
  const { state, ids } = Object.fromEntries(made);
  return { state, ids, keys: (layer) => ({ buffer: cache.keys(layer) }), values: (layer) => ({ buffer: cache.values(layer) }) };
}

/** Says how many rows a step has, of all its sequences. */
export const writeRows = (queue: GPUQueue, { state }: Pick<Activations, 'state'>, rows: number): void => queue.writeBuffer(state.buffer, 0, Uint32Array.of(0, rows, 0, 0));

/** Makes ready a step of `rows` of this sequence alone, the first of them at `position`. */
export function writeState(queue: GPUQueue, activations: Pick<Activations, 'state'>, { state }: SequenceBuffers, position: number, rows: number): void {
  queue.writeBuffer(state.buffer, 0, Uint32Array.of(position, rows, 0, 0));
  writeRows(queue, activations, rows);
}
