// windrow perplexity: each chunk of tokens runs alone; tokens 1 and on are scored by -ln softmax(logits before)[token].
import { type ChunkFlags, readChunks } from './chunks.ts';
import { type Result } from './result.ts';
import { type ModelFlags, openEngine } from './options.ts';
import { sum } from '../sum.ts';

type Flags = ModelFlags & ChunkFlags;

export async function perplexity(path: string, flags: Flags): Promise<Result> {
  const { longest, cut } = await readChunks(flags);
  const engine = await openEngine(path, { ...flags, context: flags.context ?? longest }, { allLogits: true });
  const { runner, model, text } = engine.loaded();
  const chunks = cut(text?.tokenizer);

  const { vocab } = model.graph.config;
  const chunkNll: number[] = [];
  let scored = 0;
  for (const ids of chunks) {
    let nll = 0;
    let done = 0;
    await runner.feedAll(ids, 0, (logits, rows) => {
      for (let row = 0; row < rows && done + row + 1 < ids.length; row++)
        nll += negativeLogLikelihood(logits.subarray(row * vocab, (row + 1) * vocab), ids[done + row + 1]);
      done += rows;
    });
    chunkNll.push(nll);
    scored += ids.length - 1;
    process.stderr.write(`\rchunk ${chunkNll.length} of ${chunks.length}: perplexity ${Math.exp(sum(chunkNll) / scored).toFixed(4)} `);
  }
  process.stderr.write('\n');
  const total = sum(chunkNll);
  const result = { total_nll: total, scored, perplexity: Math.exp(total / scored), chunk_nll: chunkNll };
  return { json: result, text: `perplexity ${result.perplexity.toFixed(4)} (total negative log likelihood ${total.toFixed(4)} over ${scored} tokens)` };
}

/** -ln softmax(logits)[token], in f64. */
export function negativeLogLikelihood(logits: Float32Array, token: number): number {
  let largest = -Infinity;
  for (const value of logits) if (value > largest) largest = value;
  let total = 0;
  for (const value of logits) total += Math.exp(value - largest);
  return Math.log(total) + largest - logits[token];
}
