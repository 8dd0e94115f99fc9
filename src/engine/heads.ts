// How far back each head of a model looks, for policies that tell heads apart: as it was given, as it was measured before, or measured now on a
// device of its own, before the model is placed to be used.
import { isPolicy } from '../kv/policies/names.ts';
import { cachesOf } from '../kv/segment.ts';
import { type LoadOptions } from '../protocol.ts';
import { type Host } from './engine.ts';
import { keepWith, keptWith } from './kept-with-model.ts';
import { type OpenedLine, walkFromOpened } from './load/line.ts';
import { type OpenedModel } from './load/opened.ts';
import { type OpenedWeights } from './load/weights.ts';
import { findHeads, headsOptions } from './measure/find-heads.ts';
import { runningOf } from './run/session.ts';

/** Whether a load has to know, and was not told. */
async function asksForHeads({ kv, kvHeads }: Pick<LoadOptions, 'kv' | 'kvHeads'>): Promise<boolean> {
  if (kv === undefined || kvHeads || !isPolicy(kv)) return false;
  const { policies } = await import('../kv/policies/catalogue.ts');
  return policies.get(kv)!.readsHeads === true;
}

/** For a plan before a load: what takes how many bytes does not depend on which heads look back, so that none is measured for it. */
export async function plannedHeads<T extends LoadOptions>(host: Host, { header, graph: { config } }: OpenedModel, options: T, id?: string): Promise<T> {
  if (!(await asksForHeads(options))) return options;
  const known = await keptWith('heads', host, header, id);
  return { ...options, kvHeads: known ?? cachesOf(config).map(({ kvHeads }) => new Array<number>(kvHeads).fill(0)) };
}

/** The same line with scores in its options, where it has to know them; with it the weights, if they had to be opened. */
export async function withHeads(
  host: Host,
  line: OpenedLine,
  weights: OpenedWeights | undefined,
  walk: Parameters<typeof walkFromOpened>[3],
): Promise<{ line: OpenedLine; weights?: OpenedWeights }> {
  const { options, opened, found } = line;
  if (!(await asksForHeads(options))) return { line, weights };
  const kept = await keptWith('heads', host, opened.header, weights?.fromStore ? weights.id : found.manifest?.id);
  const has = (kvHeads: number[][]): OpenedLine => ({ ...line, options: { ...options, kvHeads } });
  if (kept && !options.retune) return { line: has(kept), weights };
  walk.report({ notice: 'How far back its heads look is measured first, once.' });
  const measured = await walkFromOpened(host, { ...line, options: { ...options, ...headsOptions(opened.graph.config) } }, weights, walk);
  try {
    const scores = await findHeads(runningOf(measured.model, { now: host.now }));
    await keepWith('heads', host, measured, scores);
    return { line: has(scores), weights: measured.weights };
  } catch (error) {
    await measured.weights.release();
    throw error;
  } finally {
    await measured.model.destroy();
    measured.model.gpu.device.destroy();
  }
}
