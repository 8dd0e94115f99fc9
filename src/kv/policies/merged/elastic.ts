// A prompt and its answer by rules of their own (Elastic Cache, arXiv 2407.18121): at a prompt's end the slots stay that all of its queries paid most, and each
// of the others becomes a part of the one that stays nearest to it, with plain means; of an answer the last tokens stay, and what was said between them and
// the prompt is gone.
import { type Policy } from '../../policy.ts';
import { betweenTicks } from '../../set-bytes.ts';
import { endOf, evict } from '../../tick/evict.ts';
import { mergeClosest } from '../../tick/merge.ts';
import { observe } from '../../tick/observe.ts';
import { evictOptions, planEvicting, slotsOf, within } from '../../tick/room.ts';

const policy: Policy = {
  name: 'elastic',
  options: { ...evictOptions, chunk: 128 },
  plan(model, room, options) {
    const { chunk, interval } = options;
    return planEvicting(model, room, options, {
      peak: 'prompt', planes: ['acc'], notes: 'prompts', chunk, queries: betweenTicks(chunk, interval), buffers: 3,
    });
  },
  async tick(kv) {
    if (kv.phase === 'chunk') return void kv.layers.forEach((layer) => observe(kv, layer, { into: 'sum' }));
    const end = endOf(kv);
    if (kv.phase === 'decode') {
      await evict(kv, end, ({ sets: [{ counts }] }) => ({ keep: [...counts], first: [...counts] }));
      return;
    }
    await evict(kv, end, (layer) => ({
      keep: within(kv, layer.layer, slotsOf(kv), end),
      scores: () => ({ buffer: observe(kv, layer, { into: 'sum' }), type: 'f32' }),
      merge: (marks) => void mergeClosest(kv, layer, marks, end),
    }));
  },
};

export const policies = [policy];
