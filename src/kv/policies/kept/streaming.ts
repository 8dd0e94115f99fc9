// The first positions and the last ones, and none between (StreamingLLM, arXiv 2309.17453), with the positions that they had: the last ones stay fresh
// slots, the first ones are a set that is made once. So the memory is the same for any length, and what was said longer ago is forgotten.
import { largestThat } from '../../../bisect.ts';
import { BudgetError } from '../../../errors.ts';
import { pageSlots } from '../../formats/format.ts';
import { checkWhole } from '../../options.ts';
import { type KvPlan, type Policy, type PolicyModel, type PolicyRoom } from '../../policy.ts';
import { betweenTicks, oneSet } from '../../set-bytes.ts';
import { bytesOfOne, raiseWords } from '../../shaped-bytes.ts';

const name = 'streaming';
/** Of tokens that are kept where neither options nor a budget say how many, as far as the context is long enough. */
const usualSlots = 1024;

/** The last positions that there is room for within a budget, as many as its pages hold; BudgetError where it has none. */
function windowWithin(model: PolicyModel, room: PolicyRoom, planned: (window: number) => KvPlan, most: number): number {
  const { interval } = planned(1);
  // Of the pages that they go round in one may be not full, and what comes before the next tick stands beside them (`ringSlots`).
  const windowOf = (pages: number) => Math.min(most, Math.max(1, pageSlots * (pages - 1) + 1 - betweenTicks(room.chunk, interval)));
  const bytes = (window: number) => bytesOfOne(planned(window), model, room);
  const pages = largestThat((count) => bytes(windowOf(count)) <= room.budgetBytes, 1, Math.ceil((most + betweenTicks(room.chunk, interval)) / pageSlots) + 1);
  if (pages !== undefined) return windowOf(pages);
  throw new BudgetError(
    `Keys and values have ${room.budgetBytes} bytes; ${name}, which keeps its first tokens and one more, takes ${Math.ceil(bytes(1))} at least, in steps of ` +
    `${room.chunk} tokens. ${raiseWords(Math.ceil(bytes(1)), room)}`,
  );
}

export const policies: readonly Policy[] = [{
  name,
  endless: 'always',
  options: { sinks: 4, slots: 0, interval: 32, wholePrompt: 0 },
  plan(model, room, { sinks, slots, interval, wholePrompt }) {
    const { context, budgetBytes, format } = room;
    checkWhole('sinks', sinks, 1, pageSlots);
    checkWhole('interval', interval, 1, 256);
    if (slots) checkWhole('slots', slots, sinks + 1);
    const planned = (window: number): KvPlan => ({
      peak: wholePrompt ? 'prompt' : 'bounded', window, interval, planes: [], layers: oneSet(model, format, () => sinks),
    });
    if (slots) return planned(slots - sinks);
    const most = Math.max(1, (Number.isFinite(budgetBytes) ? context : Math.min(usualSlots, Math.ceil(context / 4))) - sinks);
    return planned(Number.isFinite(budgetBytes) ? windowWithin(model, room, planned, most) : most);
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
