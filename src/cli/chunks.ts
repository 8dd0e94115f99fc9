// Texts to be scored, as chunks of token ids: of a file that is cut, or given.
import { readFile } from 'node:fs/promises';
import { RequestError } from '../errors.ts';
import { readJson } from './options.ts';

export interface ChunkFlags {
  file?: string;
  ctx?: number;
  chunks?: number;
  tokenIds?: string;
}

interface Tokenizer {
  encode(text: string): number[];
}

/** `longest`: tokens of the longest chunk. `cut` gives the chunks; of a file, by the model's tokenizer. */
export async function readChunks({ file, ctx, chunks, tokenIds }: ChunkFlags): Promise<{ longest: number; cut(tokenizer?: Tokenizer): number[][] }> {
  if ((file === undefined) === (tokenIds === undefined)) throw new RequestError('Give one of --file and --token-ids.');
  if (tokenIds !== undefined) {
    if (ctx !== undefined) throw new RequestError('--ctx goes with --file: the chunks of --token-ids have their own lengths. Leave --ctx out.');
    const given = checked(await readJson(tokenIds, '--token-ids')).slice(0, chunks);
    return { longest: Math.max(...given.map((ids) => ids.length)), cut: () => given };
  }
  const length = ctx ?? 512;
  if (length < 2) throw new RequestError(`--ctx is ${length}; a chunk needs at least 2 tokens, as the first is not scored.`);
  const content = await readFile(file!, 'utf8');
  return {
    longest: length,
    cut(tokenizer) {
      if (!tokenizer) throw new RequestError('The file has no tokenizer; use --token-ids.');
      const ids = tokenizer.encode(content);
      if (ids.length < length)
        throw new RequestError(`The text has ${ids.length} tokens, fewer than one chunk of ${length}. Choose a smaller --ctx or a longer text.`);
      return Array.from({ length: Math.floor(ids.length / length) }, (_, i) => ids.slice(i * length, (i + 1) * length)).slice(0, chunks);
    },
  };
}

function checked(value: unknown): number[][] {
  if (!Array.isArray(value) || !value.length || !value.every((chunk) => Array.isArray(chunk) && chunk.length > 1 && chunk.every(Number.isInteger))) {
    throw new RequestError('--token-ids has to hold a JSON array of chunks, each an array of at least two token ids.');
  }
  return value as number[][];
}
