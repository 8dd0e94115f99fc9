// How keys and values are kept, as a load asks for it: in a format or as a policy has it, and how long a conversation may be.
import { largestThat, largestUpTo } from '../../bisect.ts';
import { BudgetError, RequestError, unlessRefused } from '../../errors.ts';
import { kvFormat } from '../../kv/formats/catalogue.ts';
import { type KvFormat, pageSlots } from '../../kv/formats/format.ts';
import { bytesTogether, cacheBytes } from '../../kv/fresh.ts';
import { isPolicy, kvName } from '../../kv/policies/names.ts';
import { cachesOf, segmentBytes } from '../../kv/segment.ts';
import { type Shape } from '../../kv/shape.ts';
import { type Graph } from '../../model/graph.ts';
import { opsOf } from '../../model/operations.ts';
import { isAttend } from '../../model/ops/attend.ts';
import { type LoadOptions } from '../../protocol.ts';
import { type ModelOptions } from './options.ts';

const defaultContext = 4096;
/** Of what forgets: what it keeps does not grow with the context, but the scratch of attention has room for the splits of all of it. */
const endlessContext = 32768;

/** The format of new keys and values that a load asks for; RequestError if there is none of that name, and no policy. */
export const kvFormatFor = ({ f32 = false, kv }: Pick<LoadOptions, 'f32' | 'kv'>): KvFormat =>
  kvFormat(kv === undefined || isPolicy(kvName(kv)) ? (f32 ? 'f32' : 'f16') : kv);

/**
 * How keys and values are kept: in the format that was asked for, or as a policy has it. The context, where none was asked for, is the usual one, or with
 * `kvBudgetBytes` the longest that fits; within the part of the GPU's budget that is not for weights, beyond the usual one. RequestError for options that
 * cannot be, BudgetError for a budget that is too small.
 */
export async function kvOptionsFor(
  graph: Graph,
  options: Pick<LoadOptions, 'f32' | 'kv' | 'kvOptions' | 'kvHeads' | 'kvBudgetBytes'>,
  asked: { context?: number; chunk: number; sequences: number; budgetBytes: number },
): Promise<Pick<ModelOptions, 'kv' | 'shape' | 'kvBudgetBytes' | 'context' | 'chunk' | 'segments' | 'sorted'>> {
  const { kv: name, kvOptions = {}, kvHeads, kvBudgetBytes = Infinity } = options;
  const kv = kvFormatFor(options);
  if (!(kvBudgetBytes > 0)) throw new RequestError(`kvBudgetBytes is ${kvBudgetBytes}; it has to be a number of bytes above 0.`);
  const given = options.kvBudgetBytes === undefined ? {} : { kvBudgetBytes };
  if (name === undefined || !isPolicy(name)) {
    if (Object.keys(kvOptions).length) throw new RequestError(`kvOptions are those of a policy; kv is ${kv.name}, a format. Name a policy, or leave them out.`);
    if (kvHeads) throw await unreadHeads(kv.name);
    return { kv, ...given, context: plainContext(graph, kv, kvBudgetBytes, asked), chunk: asked.chunk };
  }
  const shape = await shapeFor(graph, name, { kvOptions, kvHeads, kvBudgetBytes, format: kv }, asked);
  const { segments, sorted, room: { context } } = shape;
  return { kv, shape, ...given, context, chunk: Math.min(asked.chunk, shape.plan.chunk ?? asked.chunk), segments, ...(sorted && { sorted }) };
}

type Asked = Parameters<typeof kvOptionsFor>[2];

/** Of the GPU's budget what keys and values may take of themselves. */
const usualPart = 0.5;

/** As a format has it. */
function plainContext({ config }: Pick<Graph, 'config'>, kv: KvFormat, kvBudgetBytes: number, { context, sequences, budgetBytes }: Asked): number {
  const usual = Math.min(config.context, defaultContext);
  if (context !== undefined && cacheBytes(config, context, kv, sequences) <= kvBudgetBytes) return context;
  const fits = contextWithin(config, kv, kvBudgetBytes, sequences);
  if (context === undefined) {
    if (kvBudgetBytes === Infinity) return usual;
    return Math.min(fits, config.context, Math.max(usual, fittingContext(config, kv, usualPart * budgetBytes, sequences)));
  }
  throw new BudgetError(
    `kvBudgetBytes is ${kvBudgetBytes}; a context of ${context} tokens was asked for, and ${fits} of ${kv.name} fit. Raise it, leave the context out to have ` +
    'what fits, or choose a policy of fewer bits as kv.',
  );
}

interface ShapeChoice extends Required<Pick<LoadOptions, 'kvOptions' | 'kvBudgetBytes'>>, Pick<LoadOptions, 'kvHeads'> {
  format: KvFormat;
}

/**
 * As a policy has it. Where a budget but no context was asked for, the longest that fits with what the policy keeps of itself, as a budget would have most
 * policies keep less of a longer one.
 */
async function shapeFor(graph: Graph, name: string, { kvOptions, kvHeads, kvBudgetBytes, format }: ShapeChoice, asked: Asked): Promise<Shape> {
  const { context, chunk, sequences, budgetBytes } = asked;
  const { policies, shapeWithin } = await import('../../kv/policies/catalogue.ts');
  const { readsHeads, endless } = policies.get(name)!;
  if (kvHeads && !readsHeads) throw await unreadHeads(name);
  const of = (length: number, bytes = kvBudgetBytes) =>
    shapeWithin(graph, name, kvOptions, { context: length, chunk, budgetBytes: bytes, sequences, format, retrieval: kvHeads });
  if (context !== undefined) return of(context);
  const most = graph.config.context;
  const usual = Math.min(most, defaultContext);
  const within = kvBudgetBytes === Infinity ? Infinity : Math.min(kvBudgetBytes, usualPart * budgetBytes);
  const planned = (length: number) => unlessRefused(() => of(length, within)) ?? of(length);
  const isEndless = endless === 'always' || (endless && kvBudgetBytes < Infinity);
  if (isEndless && !opsOf(graph).some((op) => isAttend(op) && op.window !== undefined)) return planned(Math.min(most, endlessContext));
  if (kvBudgetBytes === Infinity) return of(usual);
  const takes = (length: number) => unlessRefused(() => bytesTogether(of(length, Infinity).bytes, sequences)) ?? Infinity;
  if (takes(most) <= within) return planned(most);
  const pages = (length: number) => Math.floor(length / pageSlots);
  const longer = largestThat((count) => takes(pageSlots * count) <= within, Math.ceil(usual / pageSlots), pages(most));
  if (longer !== undefined) return planned(pageSlots * longer);
  const shorter = largestUpTo((count) => takes(pageSlots * count) <= kvBudgetBytes, pages(usual));
  if (shorter !== undefined) return of(pageSlots * shorter);
  return of(usual); // in fewer slots than it would have, or refused
}

async function unreadHeads(name: string): Promise<RequestError> {
  const { policies } = await import('../../kv/policies/catalogue.ts');
  const reading = [...policies.values()].filter(({ readsHeads }) => readsHeads).map((policy) => policy.name);
  return new RequestError(`kvHeads are for policies that tell heads apart (${reading.join(', ')}); kv is ${name}. Name one of those, or leave them out.`);
}

/** Most positions of plain caches within so many bytes, in whole pages, no more than the model was trained for. */
const fittingContext = (config: Graph['config'], kv: KvFormat, budgetBytes: number, sequences: number): number =>
  pageSlots * (largestThat((pages) => cacheBytes(config, pageSlots * pages, kv, sequences) <= budgetBytes, 1, Math.ceil(config.context / pageSlots)) ?? 0);

/** BudgetError where there is no room for a page of each. */
function contextWithin(config: Graph['config'], kv: KvFormat, budgetBytes: number, sequences: number): number {
  const fits = fittingContext(config, kv, budgetBytes, sequences);
  if (fits > 0) return fits;
  const each = cachesOf(config).reduce((sum, heads) => sum + segmentBytes(heads, pageSlots, kv), 0);
  throw new BudgetError(
    `kvBudgetBytes is ${budgetBytes}; ${pageSlots} tokens of ${sequences === 1 ? 'a conversation' : `${sequences} conversations`} need ` +
      `${sequences * each} bytes of ${kv.name}. Raise it, or choose a policy of fewer bits as kv.`,
  );
}
