// How far back each head of a model looks, for policies that tell heads apart: as it was given, as it was measured before, or measured now on a
// device of its own, before the model is placed to be used.
import { RequestError } from '../errors.ts';
import { isPolicy } from '../kv/policies/names.ts';
import { cachesOf } from '../kv/segment.ts';
import { type LoadOptions } from '../protocol.ts';
import { type Host } from './engine.ts';
import { keepWith, keptWith } from './kept-with-model.ts';
import { type OpenedLine, walkFromOpened } from './load/line.ts';
import { type OpenedModel } from './load/opened.ts';
import { kvFormatFor } from './load/kv-options.ts';
import { type OpenedWeights } from './load/weights.ts';
import { runningOf } from './run/session.ts';

/** A chunk of its own: most models are loaded without it. */
const measuring = () => import('./measure/find-heads.ts');

/**
 * Whether a load has to know, and was not told. RequestError for a policy that always has to, of a model whose heads cannot be measured; others do without
 * then.
 */
async function asksForHeads({ graph }: Pick<OpenedModel, 'graph'>, { kv, kvHeads, f32 }: Pick<LoadOptions, 'kv' | 'kvHeads' | 'f32'>): Promise<boolean> {
  if (kv === undefined || kvHeads || !isPolicy(kv)) return false;
  const [{ policies, shapeWithin }, { headsOptions }] = await Promise.all([import('../kv/policies/catalogue.ts'), measuring()]);
  const { readsHeads } = policies.get(kv)!;
  if (!readsHeads) return false;
  const { kv: name, kvOptions, context } = headsOptions(graph.config);
  try {
    shapeWithin(graph, name, kvOptions, { context, chunk: 128, budgetBytes: Infinity, sequences: 1, format: kvFormatFor({ f32 }) });
    return true;
  } catch (error) {
    if (readsHeads === 'where known') return false;
    const why = `kv is ${kv}, which has to know how far back heads look, and those of this model cannot be measured`;
    throw new RequestError(`${why}. Give kvHeads, or choose f16 or q8. In full: ${(error as Error).message}`, { cause: error });
  }
}

/** As measured before. With adapters heads look elsewhere, so nothing is read or kept then: what is kept is kept with the model without any. */
const keptHeads = async (host: Host, opened: OpenedModel, id?: string): Promise<number[][] | undefined> =>
  (opened.adapters ? undefined : keptWith('heads', host, opened, id));

/** For a plan before a load: what takes how many bytes does not depend on which heads look back, so that none is measured for it. */
export async function plannedHeads<T extends LoadOptions>(host: Host, opened: OpenedModel, options: T, id?: string): Promise<T> {
  const { graph: { config } } = opened;
  if (!(await asksForHeads(opened, options))) return options;
  const known = await keptHeads(host, opened, id);
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
  if (!(await asksForHeads(opened, options))) return { line, weights };
  const kept = await keptHeads(host, opened, weights?.fromStore ? weights.id : found.manifest?.id);
  const has = (kvHeads: number[][]): OpenedLine => ({ ...line, options: { ...options, kvHeads } });
  if (kept && !options.retune) return { line: has(kept), weights };
  walk.report({ notice: `How far back its heads look is measured first${opened.adapters ? ', at each load with adapters' : ', once'}.` });
  const { findHeads, headsOptions } = await measuring();
  const measured = await walkFromOpened(host, { ...line, options: { ...options, ...headsOptions(opened.graph.config) } }, weights, walk);
  try {
    const scores = await findHeads(runningOf(measured.model, { now: host.now }));
    if (!opened.adapters) await keepWith('heads', host, measured, scores);
    return { line: has(scores), weights: measured.weights };
  } catch (error) {
    await measured.weights.release();
    throw error;
  } finally {
    await measured.model.destroy();
    measured.model.gpu.device.destroy();
  }
}
