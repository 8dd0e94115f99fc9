// windrow perplexity: each chunk of tokens runs alone; tokens 1 and on are scored by -ln softmax(logits before)[token].
import { readFile } from 'node:fs/promises';
import { RequestError } from '../errors.ts';
import { type Result } from './result.ts';
import { type ModelFlags, openEngine, readJson } from './options.ts';

interface Flags extends ModelFlags {
  file?: string;
  ctx?: number;
  chunks?: number;
  tokenIds?: string;
}

export async function perplexity(path: string, flags: Flags): Promise<Result> {
  if ((flags.file === undefined) === (flags.tokenIds === undefined)) throw new RequestError('Give one of --file and --token-ids.');
  if (flags.tokenIds !== undefined && flags.ctx !== undefined)
    throw new RequestError('--ctx goes with --file: the chunks of --token-ids have their own lengths. Leave --ctx out.');
  const { ctx = 512 } = flags;
  if (ctx < 2) throw new RequestError(`--ctx is ${ctx}; a chunk needs at least 2 tokens, as the first is not scored.`);
  const given = flags.tokenIds !== undefined ? readChunks(await readJson(flags.tokenIds, '--token-ids')) : undefined;
  const content = flags.file !== undefined ? await readFile(flags.file, 'utf8') : '';
  const context = given ? Math.max(...given.map((ids) => ids.length)) : ctx;
  const engine = await openEngine(path, { ...flags, context: flags.context ?? context }, { allLogits: true });
  const { runner, model, text } = engine.loaded();
  const chunks = (given ?? cut()).slice(0, flags.chunks);

  function cut(): number[][] {
    if (!text) throw new RequestError('The file has no tokenizer; use --token-ids.');
    const ids = text.tokenizer.encode(content);
    if (ids.length < ctx) throw new RequestError(`The text has ${ids.length} tokens, fewer than one chunk of ${ctx}. Choose a smaller --ctx or a longer text.`);
    return Array.from({ length: Math.floor(ids.length / ctx) }, (_, i) => ids.slice(i * ctx, (i + 1) * ctx));
  }

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

function readChunks(value: unknown): number[][] {
  if (!Array.isArray(value) || !value.length || !value.every((chunk) => Array.isArray(chunk) && chunk.length > 1 && chunk.every(Number.isInteger))) {
    throw new RequestError('--token-ids has to hold a JSON array of chunks, each an array of at least two token ids.');
  }
  return value as number[][];
}

/** -ln softmax(logits)[token], in f64. */
export function negativeLogLikelihood(logits: Float32Array, token: number): number {
  let largest = -Infinity;
  for (const value of logits) if (value > largest) largest = value;
  let total = 0;
  for (const value of logits) total += Math.exp(value - largest);
  return Math.log(total) + largest - logits[token];
}

const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
