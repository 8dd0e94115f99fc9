// Rows of `windrow kv --rows FILE`, those of one model and text.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
const hash = (text) => createHash('sha256').update(text).digest('hex').slice(0, 16);

/**
 * What a row was measured of, as src/cli/kv/kv.ts names it. `bytes`: of the model's file; `probes`: the text of theirs; `heads`: what --kv-heads gave.
 * @param {{ model: string, bytes: number, probes: string, heads?: number[][] }} given
 */
export const measuredOf = ({ model, bytes, probes, heads }) =>
  `${basename(model)} ${bytes} ${hash(probes)}${heads ? ` kvHeads=${hash(JSON.stringify(heads))}` : ''} windrow=${version}`;

/** By policy the rows in `path` that were measured of that, with the heads or without any. Error where there are none, but with `orNone`. */
export function rowsOf(path, given, { orNone = false } = {}) {
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
  const of = measuredOf({ ...given, heads: undefined });
  const rows = lines.map((line) => JSON.parse(line)).filter((row) => row.of === of || row.of === measuredOf(given));
  if (!rows.length && !orNone)
    throw new Error(
      `Nothing was measured: ${path} has ${lines.length} rows, none of "${of}". See above why no policy could be; 'npx vite build --mode node' comes first.`,
    );
  return new Map(rows.map((row) => [row.policy, row]));
}
