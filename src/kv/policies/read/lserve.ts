// Quest with large runs whose bounds are of parts of them, a choice that holds for several tokens, and heads that do not look back, which read the first
// slots and the last ones alone, where it was measured which those are (LServe, arXiv 2502.14866). Its choice for prompts is not here: they read everything.
import { checkOption } from '../../options.ts';
import { type KvPlan, type Policy } from '../../policy.ts';
import { belowMedian, scoresOf } from '../../tick/head-classes.ts';
import { appendWithBounds, planReading, readOptions, runsOf } from '../../tick/read.ts';

/** Of a shorter context it is all. */
const usualRecent = 128;

interface LServePlan extends KvPlan {
  /** (layer, kv head): whether it reads the first and the last slots alone. */
  streams: boolean[][];
}

const policy: Policy = {
  name: 'lserve',
  readsHeads: 'where known',
  /** `size`: slots of a run; `part`: of a part of it that has bounds of its own; `reuse`: tokens that a choice holds for; `recent`: what other heads read. */
  options: { ...readOptions, size: 32, part: 8, reuse: 4, recent: usualRecent },
  plan(model, room, given): LServePlan {
    const options: Record<string, number> = { ...given, ...(given.recent === usualRecent && { recent: Math.min(usualRecent, room.context) }) };
    const { size, part, reuse, sinks, recent } = options;
    checkOption('part', part, { least: 4, most: size });
    checkOption('recent', recent, { least: options.window, most: room.context });
    const plan = planReading(model, room, options, () => ({ by: 'bounds', run: size, each: part, reuse, first: sinks }));
    const streams = model.retrieval ? belowMedian(scoresOf(model, 'lserve')) : model.heads.map(({ kvHeads }) => new Array<boolean>(kvHeads).fill(false));
    return { ...plan, streams };
  },
  async tick(kv) {
    await appendWithBounds(kv);
    const runs = runsOf(kv, kv.options.share, kv.options.slots);
    const last = Math.max(0, kv.length - kv.options.recent);
    for (const { layer, sets: [set] } of kv.layers) {
      const streams = (kv.plan as LServePlan).streams[layer];
      const tails = set.counts.map((count, head) => (streams[head] ? Math.min(count, last) : count));
      kv.setPicks(set, streams.map((alone) => (alone ? 0 : runs)), tails);
    }
  },
};

export const policies = [policy];
