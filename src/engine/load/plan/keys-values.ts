// What a plan says of keys and values: what a token takes, and how long a conversation there would be room for.
import { cachesOf, positionBytes } from '../../../kv/segment.ts';
import { type KeysValuesPlan } from '../../../protocol.ts';
import { type OpenedModel } from '../opened.ts';
import { type ModelOptions } from '../options.ts';
import { type Plan } from './plan.ts';

/** Bytes that one token more takes on the GPU in all layers: in a set that has room for every token, or in fresh slots for all of them. */
function tokenBytes({ graph: { config } }: Pick<OpenedModel, 'graph'>, { kv, shape, context }: Pick<ModelOptions, 'kv' | 'shape' | 'context'>): number {
  const layers = cachesOf(config).map((heads, layer) => {
    if (!shape || !shape.isShaped(layer)) return positionBytes(heads, kv);
    const each = shape.plan.layers[layer].map(({ format, mostSlots, frames }) => frames ? 0 :
      mostSlots.filter((slots) => slots >= context).length * positionBytes({ ...heads, kvHeads: 1 }, format));
    return each.reduce((a, b) => a + b, shape.plan.peak === 'prompt' ? positionBytes(heads, kv) : 0);
  });
  return layers.reduce((a, b) => a + b, shape?.away.perToken ?? 0);
}

export function keysValuesOf(opened: OpenedModel, options: ModelOptions, { bytes, totalBytes, budgetBytes, context }: Plan): KeysValuesPlan {
  const { kvBudgetBytes = Infinity, shape, kv, sequences = 1 } = options;
  const bytesPerToken = tokenBytes(opened, { ...options, context });
  // Frames that need not be there give way to what is known of more pages.
  const room = Math.min(kvBudgetBytes, budgetBytes - totalBytes + bytes.kv) - bytes.kv + sequences * (shape?.away.spare ?? 0);
  const most = opened.graph.config.context;
  const more = bytesPerToken ? Math.floor(room / (bytesPerToken * sequences)) : Infinity;
  const [home, stored] = shape ? [sequences * shape.away.home + (shape.plan.sharedBytes ?? 0), sequences * shape.away.stored] : [0, 0];
  return {
    kv: shape?.policy.name ?? kv.name, bytes: bytes.kv, bytesPerToken, fits: Math.max(0, Math.min(most, context + more)), ...(home && { homeBytes: home }),
    ...(stored && { storedBytes: stored }),
  };
}
