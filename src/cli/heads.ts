// windrow heads: how far back each head of a model looks, to a file that --kv-heads takes.
import { writeFile } from 'node:fs/promises';
import { findHeads, headsOptions } from '../engine/measure/find-heads.ts';
import { openModel } from '../engine/load/opened.ts';
import { openWithParts } from '../gguf/files.ts';
import { openFileSource } from '../weights/source/file-source.ts';
import { type ModelFlags, openEngine } from './options.ts';
import { type Result } from './result.ts';

export async function heads(path: string, flags: ModelFlags & { out: string }): Promise<Result> {
  const source = await openFileSource(path);
  const { graph: { config } } = await openModel((await openWithParts(source)).header);
  await source.close();
  const engine = await openEngine(path, { ...flags, kvHeads: undefined }, headsOptions(config));
  const scores = await findHeads(engine.loaded());
  await writeFile(flags.out, JSON.stringify({ scores: scores.map((row) => row.map((score) => Number(score.toFixed(4)))) }).replaceAll('],[', '],\n ['));
  const all = scores.flatMap((row, layer) => row.map((score, head) => ({ layer, head, score }))).sort((a, b) => b.score - a.score);
  const most = all.slice(0, 10).map(({ layer, head, score }) => `layer ${layer}, head ${head}: ${score.toFixed(3)}`);
  return { json: { out: flags.out, scores }, text: `Of ${all.length} heads these look back most:\n${most.join('\n')}\nAll are in ${flags.out}.` };
}
