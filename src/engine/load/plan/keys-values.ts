// What a plan says of keys and values: what a token takes, and how long a conversation there would be room for.
import { largestThat } from '../../../bisect.ts';
import { BudgetError, RequestError } from '../../../errors.ts';
import { pageSlots } from '../../../kv/formats/format.ts';
import { cachesOf, positionBytes } from '../../../kv/segment.ts';
import { type Shape } from '../../../kv/shape.ts';
import { sum } from '../../../sum.ts';
import { type KeysValuesPlan } from '../../../protocol.ts';
import { type OpenedModel } from '../opened.ts';
import { type ModelOptions } from '../options.ts';
import { fixedBytes } from './plan-bytes.ts';
import { type Plan } from './plan.ts';

/** Undefined where a policy cannot be had for so long a context. */
function orNone<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof BudgetError || error instanceof RequestError) return undefined;
    throw error;
  }
}

/** Bytes that one token more of the context takes on the GPU, on average of as many as there are. */
function tokenBytes({ graph: { config } }: Pick<OpenedModel, 'graph'>, { kv, shape, context }: Pick<ModelOptions, 'kv' | 'shape' | 'context'>): number {
  if (!shape) return sum(cachesOf(config).map((heads) => positionBytes(heads, kv)));
  if (isAway(shape)) return shape.away.perToken + sum(cachesOf(config).map((heads, layer) => (shape.isShaped(layer) ? 0 : positionBytes(heads, kv))));
  const bytesOf = ({ bytes: { full, shared } }: Shape) => full + shared;
  const begin = pageSlots * Math.ceil(context / pageSlots);
  const half = pageSlots * Math.floor(begin / 2 / pageSlots);
  for (const [from, to] of [[begin, 2 * begin], [half, begin]]) {
    const [less, more] = [from, to].map((length) => orNone(() => bytesOf(shape.at(length))));
    if (less !== undefined && more !== undefined) return (more - less) / (to - from);
  }
  return 0; // a context of a page alone
}

/** Whether pages have their home in worker memory: then those that need not be on the GPU give way to what is known of more of them. */
const isAway = ({ away }: Shape): boolean => away.home > 0;

/** The longest context that all conversations have room for, within so many bytes, and within a budget of keys and values with what grows among them. */
function longestWithin(opened: OpenedModel, options: ModelOptions, { context, bytes }: { context: number; bytes: number }): number {
  const { shape, sequences = 1, kvBudgetBytes = Infinity } = options;
  const most = opened.graph.config.context;
  const shapeAt = (length: number) => shape && { shape: isAway(shape) ? shape.at(length, Math.min(bytes, kvBudgetBytes) / sequences) : shape.at(length) };
  const holds = (length: number) => {
    const found = orNone(() => fixedBytes(opened.graph, { ...options, context: length, ...shapeAt(length) }));
    return found !== undefined && found.kv <= bytes && found.kv + found.growing <= kvBudgetBytes;
  };
  if (holds(most)) return most;
  const planned = Math.ceil(context / pageSlots);
  // A policy may be for no shorter contexts than some length, so that what is known to be had is where to begin.
  const longer = largestThat((pages) => holds(pageSlots * pages), planned, Math.floor(most / pageSlots));
  if (longer !== undefined) return pageSlots * longer;
  for (let pages = planned - 1; pages > 0; pages--) if (holds(pageSlots * pages)) return pageSlots * pages;
  return 0;
}

export function keysValuesOf(opened: OpenedModel, options: ModelOptions, { bytes, totalBytes, budgetBytes, context }: Plan): KeysValuesPlan {
  const { shape, kv, sequences = 1 } = options;
  const { sharedBytes = 0, workerBytes = 0 } = shape?.plan ?? {};
  const [home, stored] = shape ? [sequences * shape.away.home + sharedBytes + workerBytes, sequences * shape.away.stored] : [0, 0];
  return {
    kv: shape?.policy.name ?? kv.name, bytes: bytes.kv, bytesPerToken: tokenBytes(opened, { ...options, context }),
    fits: longestWithin(opened, options, { context, bytes: budgetBytes - totalBytes + bytes.kv }),
    ...(home && { homeBytes: home }), ...(stored && { storedBytes: stored }),
  };
}
