// The first positions and the last ones, and none between (StreamingLLM, arXiv 2309.17453), with the positions that they had: the last ones stay fresh
// slots, the first ones are a set that is made once. So the memory is the same for any length, and what was said longer ago is forgotten.
import { BudgetError } from '../../../errors.ts';
import { pageSlots } from '../../formats/format.ts';
import { checkWhole } from '../../options.ts';
import { type Policy } from '../../policy.ts';
import { positionBytes } from '../../segment.ts';
import { betweenTicks, oneSet } from '../../set-bytes.ts';

const name = 'streaming';
/** Of tokens that are kept where neither options nor a budget say how many, as far as the context is long enough. */
const usualSlots = 1024;

export const policies: readonly Policy[] = [{
  name,
  endless: true,
  options: { sinks: 4, slots: 0, interval: 32, wholePrompt: 0 },
  plan(model, { context, chunk, budgetBytes, format }, { sinks, slots, interval, wholePrompt }) {
    const { heads, windows } = model;
    checkWhole('sinks', sinks, 1, pageSlots);
    checkWhole('interval', interval, 1, 256);
    if (slots) checkWhole('slots', slots, sinks + 1);
    const each = heads.reduce((sum, own, layer) => sum + (windows[layer] ? 0 : positionBytes(own, format)), 0);
    const others = heads.reduce((sum, own, layer) => sum + (windows[layer] ? context * positionBytes(own, format) : 0), 0);
    // A page of sinks, pages that are not full, and what comes before the next tick stand beside the slots that stay.
    const beside = 4 * pageSlots + betweenTicks(chunk, interval);
    const fitting = Math.floor((budgetBytes - others) / each) - beside + sinks;
    const kept = slots || Math.min(context, Number.isFinite(budgetBytes) ? fitting : Math.min(usualSlots, Math.ceil(context / 4)));
    if (kept <= sinks) {
      const least = others + (beside + 1) * each;
      throw new BudgetError(`kvBudgetBytes leaves ${budgetBytes}; ${name} needs ${least} at least, in steps of ${chunk} tokens. Raise it.`);
    }
    return {
      peak: wholePrompt ? 'prompt' : 'bounded', window: kept - sinks, interval, planes: [],
      layers: oneSet(model, format, () => sinks),
    };
  },
  async tick(kv) {
    const { sinks, wholePrompt } = kv.options;
    const end = kv.length - kv.plan.window;
    if ((wholePrompt && kv.phase === 'chunk') || end <= Math.max(sinks, kv.base)) return;
    for (const layer of kv.base === 0 ? kv.layers : []) {
      const [set] = layer.sets;
      const counts = set.counts.map(() => sinks);
      await kv.makeRoom(set, counts);
      kv.setCounts(set, counts);
      // Each head's first page is the list's as it was taken, one after the other.
      kv.copy({ buffer: layer.fresh.pages, offset: 0 }, { buffer: set.pages, offset: 0 }, 4 * set.format.words(layer.heads.headDim) * layer.heads.kvHeads);
    }
    kv.advance(end);
  },
}];
