// How far one model's expectations are from another's of the same vocabulary: quantisations of a model, or ways to keep keys and values.
import { type Loaded } from '../engine/engine.ts';
import { RequestError } from '../errors.ts';
import { type Divergence, createComparison } from '../distribution.ts';
import { divergence } from './fidelity.ts';

/** After every token of each chunk, which runs by itself. Both are loaded with `allLogits`. @throws RequestError for other vocabularies */
export async function compare(base: Loaded, other: Loaded, chunks: readonly number[][], onChunk: (done: number) => void = () => {}): Promise<Divergence> {
  const { vocab } = base.model.graph.config;
  const theirs = other.model.graph.config.vocab;
  if (vocab !== theirs) throw new RequestError(`The models have ${vocab} and ${theirs} tokens; only models of one vocabulary can be compared.`);
  const comparison = createComparison();
  for (const [i, ids] of chunks.entries()) {
    const wanted = await logitsOf(base, ids, vocab);
    const found = await logitsOf(other, ids, vocab);
    for (let row = 0; row < ids.length; row++) {
      const [p, q] = [wanted, found].map((logits) => logits.subarray(row * vocab, (row + 1) * vocab));
      comparison.add(divergence(p, q), p, q);
    }
    onChunk(i + 1);
  }
  return comparison.result();
}

/** (tokens, vocab) */
async function logitsOf({ runner }: Loaded, ids: readonly number[], vocab: number): Promise<Float32Array> {
  const all = new Float32Array(ids.length * vocab);
  let done = 0;
  await runner.feedAll(ids, 0, (logits, rows) => {
    all.set(logits.subarray(0, rows * vocab), done * vocab);
    done += rows;
  });
  return all;
}
