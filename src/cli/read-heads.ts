// Reads what `windrow heads` wrote.
import { readFileSync } from 'node:fs';
import { RequestError } from '../errors.ts';

/** (layer, kv head) how far back each head looks. */
export function readHeads(file: string): number[][] {
  const { scores } = JSON.parse(readFileSync(file, 'utf8')) as { scores?: unknown };
  if (Array.isArray(scores) && scores.every((row) => Array.isArray(row) && row.every((score) => typeof score === 'number'))) return scores as number[][];
  throw new RequestError(`${file} has no scores of heads. Have them measured: windrow heads MODEL --out ${file}`);
}
