// Keeps everything, and has a place apart for documents that were run alone and are put beside each other (APE, arXiv 2502.05431): a set whose scores are
// divided by `temperature` and the logarithm of whose sum is multiplied by `scale`. It can tell what a question looks at (Cache-Craft's repair, arXiv
// 2502.15734). What puts documents there is src/kv/saved/put-composed.ts.
import { RequestError } from '../../errors.ts';
import { type KvTick, type Policy } from '../policy.ts';
import { oneSet } from '../set-bytes.ts';
import { mostSlots } from '../tick/layer.ts';
import { observe } from '../tick/observe.ts';

/** What is to be told of a prompt of `length` tokens, whose last `queries` ask; then what they pay to each slot, mean over layers and heads. */
export interface Asked {
  length: number;
  queries: number;
  paid?: Float64Array;
}

/** By sequence (`KvTick.of`). Beside the plan, which is of all sequences and never changes: what is saved has its sum. */
export const askedOf = new WeakMap<object, Asked>();

/** Tokens of a question at most that are looked at, its last ones. */
export const mostAsked = 64;

/** Kernels of ticks know slots by their index: those of the set, then the fresh ones. */
async function tellPaid(kv: KvTick, asked: Asked): Promise<void> {
  const paid = new Float64Array(kv.length - kv.base);
  for (const layer of kv.layers) {
    const { kvHeads } = layer.heads;
    const row = mostSlots(kv);
    const scores = new Float32Array(await kv.read(observe(kv, layer, { into: 'mean', queries: asked.queries }), 4 * kvHeads * row));
    const [{ counts }] = layer.sets;
    for (let head = 0; head < kvHeads; head++)
      for (let slot = 0; slot < paid.length; slot++) paid[slot] += scores[head * row + counts[head] + slot] / (kvHeads * kv.layers.length);
  }
  asked.paid = paid;
}

const policy: Policy = {
  name: 'documents',
  options: { temperature: 0.8, scale: 0.9 },
  plan(model, { context, format }, { temperature, scale }) {
    for (const [name, value] of Object.entries({ temperature, scale }))
      if (!(value > 0 && value <= 4)) throw new RequestError(`kvOptions.${name} is ${value}; it must be above 0 and at most 4.`);
    return {
      peak: 'prompt', window: context, interval: 256, queries: mostAsked, planes: [],
      // What kernels of ticks leave of each query and segment, and the scores of slots of the set and of fresh ones.
      scratchBytes: 8 * 2 * mostAsked * Math.max(...model.queryHeads) + 4 * Math.max(...model.heads.map(({ kvHeads }) => kvHeads)) * 2 * (context + 64),
      layers: oneSet(model, format, () => context).map((sets) => sets.map((set) => ({ ...set, temperature, scale }))),
    };
  },
  async tick(kv) {
    const asked = kv.of && askedOf.get(kv.of);
    if (asked && kv.phase === 'prompt' && kv.length === asked.length) await tellPaid(kv, asked);
  },
};

export const policies = [policy];
