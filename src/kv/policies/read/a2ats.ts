// Everything stays. The keys of what was read have codes of 4 bits for each of some parts, as they are before positions turn them, and a decoded token reads
// the slots that it would pay most by those codes (A2ATS, arXiv 2502.12665). Centroids are found anew at the end of every prompt, by the metric of its last
// queries.
import { RequestError } from '../../../errors.ts';
import { partsOf } from '../../codes.ts';
import { type Policy } from '../../policy.ts';
import { findCodes, noteCodes } from '../../tick/codes.ts';
import { endOf } from '../../tick/evict.ts';
import { queriesOf } from '../../tick/layer.ts';
import { appendAll } from '../../tick/move.ts';
import { chosenOf, planReading, readOptions } from '../../tick/read.ts';

const rounds = 10;

const policy: Policy = {
  name: 'a2ats',
  /** `parts`: of a head at most; `observed`: last queries of a prompt; `span`: how far back keys are turned by their own positions, 0: all are. */
  options: { ...readOptions, parts: 16, observed: 64, span: 0 },
  plan(model, room, options) {
    const { parts, observed, span, sinks } = options;
    const odd = model.heads.findIndex(({ headDim }) => headDim % 4);
    if (odd >= 0)
      throw new RequestError(`kv is a2ats, whose codes are of whole fours of numbers; heads of layer ${odd} have ${model.heads[odd].headDim}. Choose quest.`);
    const plan = planReading(model, room, options, (layer) =>
      ({ by: 'codes', run: 1, each: 1, first: sinks, parts: partsOf(model.heads[layer].headDim, parts), ...(span && { span }) }));
    // Centroids are of all that was read, and by queries that are not kept that long: what is cut is fed again, so that they are as of a fresh text.
    return { ...plan, rewinds: undefined, queries: observed, kernels: 8 + 2 * (rounds + 1) };
  },
  async tick(kv) {
    const { sinks, share, slots, observed } = kv.options;
    const before = kv.layers.map(({ sets: [set] }) => set.counts[0]);
    await appendAll(kv, endOf(kv));
    kv.layers.forEach((layer, i) => {
      const [set] = layer.sets;
      const isKnown = set.tails[0] > sinks;
      // Where a text was cut that is not read anew, too few of its last queries may be there: centroids stay then as they were found before.
      const areThere = queriesOf(kv, observed) === Math.min(observed, kv.length);
      const due = kv.phase === 'prompt' && set.counts[0] > sinks && (areThere || !isKnown);
      const known = due || isKnown;
      if (due) findCodes(kv, layer, { queries: observed, rounds });
      else if (known) noteCodes(kv, layer, before[i]);
      kv.setPicks(set, set.counts.map(() => chosenOf(kv, share, slots)), known ? set.counts : set.tails);
    });
  },
};

export const policies = [policy];
