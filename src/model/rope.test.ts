// Which layers keep their queries for policies of keys and values.
import { expect, it } from 'vitest';
import { kvFormat } from '../kv/formats/catalogue.ts';
import { type Rope, operation, rope } from './ops/rope.ts';

function dispatchOf(given: Partial<Rope>) {
  const kv = { format: kvFormat('f16'), queries: 16, sets: () => [{ format: kvFormat('f16'), mostSlots: 64 }] };
  const graph = { config: { heads: 4, kvHeads: 2, headDim: 32, eps: 1e-6 }, ropes: [] };
  const context = { activations: { buffers: {}, strides: {}, firstAngles: [] }, graph, kv } as unknown as Parameters<typeof operation.dispatches>[1];
  const place = { vectors: {}, vectorOffset: () => 0 } as unknown as Parameters<typeof operation.dispatches>[2];
  return operation.dispatches(rope({ layer: 0, ...given } as Rope), context, place, 'decode', 'layer')[0];
}

it('the layer that writes a cache keeps its queries, and those that share it do not overwrite them', () => {
  const [writes, shares] = [dispatchOf({}), dispatchOf({ queriesOnly: true })];
  expect([writes.params?.queries, writes.kernel.files?.includes('kv/queries/ring'), 'last_queries' in writes.bindings]).toEqual([16, true, true]);
  expect([shares.params?.queries, shares.kernel.files?.includes('kv/queries/none'), 'last_queries' in shares.bindings]).toEqual([0, true, false]);
});
