// What a plan says of keys and values: what a token takes, and how long a conversation there would be room for.
import { largestThat, largestUpTo } from '../../../bisect.ts';
import { unlessRefused } from '../../../errors.ts';
import { bytesTogether, cacheBytes } from '../../../kv/fresh.ts';
import { pageSlots } from '../../../kv/formats/format.ts';
import { cachesOf, positionBytes } from '../../../kv/segment.ts';
import { type Shape } from '../../../kv/shape.ts';
import { sum } from '../../../sum.ts';
import { type KeysValuesPlan } from '../../../protocol.ts';
import { type OpenedModel } from '../opened.ts';
import { type ModelOptions } from '../options.ts';
import { fixedBytes } from './plan-bytes.ts';
import { type Plan } from './plan.ts';

/** Bytes that one token more of the context takes on the GPU, on average of as many as there are. */
function tokenBytes({ graph: { config } }: Pick<OpenedModel, 'graph'>, { kv, shape, context }: Pick<ModelOptions, 'kv' | 'shape' | 'context'>): number {
  if (!shape) return sum(cachesOf(config).map((heads) => positionBytes(heads, kv)));
  if (isAway(shape)) return shape.away.perToken + sum(cachesOf(config).map((heads, layer) => (shape.isShaped(layer) ? 0 : positionBytes(heads, kv))));
  const bytesOf = ({ bytes: { full, shared } }: Shape) => full + shared;
  const begin = pageSlots * Math.ceil(context / pageSlots);
  const half = pageSlots * Math.floor(begin / 2 / pageSlots);
  for (const [from, to] of [[begin, 2 * begin], [half, begin]]) {
    const [less, more] = [from, to].map((length) => unlessRefused(() => bytesOf(shape.at(length))));
    if (less !== undefined && more !== undefined) return (more - less) / (to - from);
  }
  return 0; // a context of a page alone
}

/** Whether pages have their home in worker memory: then those that need not be on the GPU give way to what is known of more of them. */
const isAway = ({ away }: Shape): boolean => away.home > 0;

/** The longest context that all conversations have room for, where `freeBytes` of the GPU's budget are left beside those of one of `context` tokens. */
function longestWithin(opened: OpenedModel, options: ModelOptions, { context, freeBytes }: { context: number; freeBytes: number }): number {
  const { graph } = opened;
  const { shape, sequences = 1, kvBudgetBytes = Infinity } = options;
  const takes = ({ kv, activations, passing }: ReturnType<typeof fixedBytes>) => kv + activations + passing;
  const now = takes(fixedBytes(graph, { ...options, context }));
  const holds = (length: number): boolean => {
    const own = shape && unlessRefused(() => shape.at(length));
    if (shape && !own) return false;
    const cached = own ? bytesTogether(own.bytes, sequences) : cacheBytes(graph.config, length, options.kv, sequences);
    return cached <= kvBudgetBytes && takes(fixedBytes(graph, { ...options, context: length, shape: own })) - now <= freeBytes;
  };
  const most = graph.config.context;
  if (holds(most)) return most;
  const planned = Math.ceil(context / pageSlots);
  const holdsPages = (pages: number) => holds(pageSlots * pages);
  // A policy may be for no shorter contexts than some length, so that what is known to be had is where to begin.
  return pageSlots * (largestThat(holdsPages, planned, Math.floor(most / pageSlots)) ?? largestUpTo(holdsPages, planned - 1) ?? 0);
}

export function keysValuesOf(opened: OpenedModel, options: ModelOptions, { bytes, totalBytes, budgetBytes, context }: Plan): KeysValuesPlan {
  const { shape, kv, sequences = 1 } = options;
  const { sharedBytes = 0, workerBytes = 0 } = shape?.plan ?? {};
  const [home, stored] = shape ? [sequences * shape.away.home + sharedBytes + workerBytes, sequences * shape.away.stored] : [0, 0];
  return {
    kv: shape?.policy.name ?? kv.name, bytes: bytes.kv, bytesPerToken: tokenBytes(opened, { ...options, context }),
    fits: longestWithin(opened, options, { context, freeBytes: budgetBytes - totalBytes }),
    ...(home && { homeBytes: home }), ...(stored && { storedBytes: stored }),
  };
}
