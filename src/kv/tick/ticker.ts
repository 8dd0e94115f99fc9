// Runs the ticks of a policy on the sequences of one placed model: what the policy asks for is kept in order and submitted at its end.
import { readBytes } from '../../gpu/read-bytes.ts';
import { type KvSet, type KvTick } from '../policy.ts';
import { type Sequence } from '../sequence.ts';
import { openedAt } from '../pick.ts';
import { type Sets } from '../sets.ts';
import { type Shaped } from '../shaped.ts';
import { restsFor } from '../tiers/turns.ts';
import { checkEnd } from './evict.ts';
import { type Kept, type Submit, type TickGpu, type Work, atLeast, freeKept, submitWorks } from './encode.ts';

/** What a tick is about. */
export interface TickAt extends Pick<KvTick, 'phase' | 'promptLength'> {
  sequence: Sequence;
  /** Positions that were run. */
  length: number;
  /** How whoever runs the sequence submits work. */
  submit: Submit;
  /** Ends long work of the processor. */
  signal?: AbortSignal;
}

/** There is one of a placed model: what it keeps was planned once, for all sequences and whoever runs them. */
export interface Ticker {
  tick(at: TickAt): Promise<void>;
}

/** Tells kernels what is to be picked, and of levels into how many coarse runs is looked. */
function writePicks(
  { picked, chosen, all: [{ counts }] }: Sets, words: Uint32Array, opened: number | undefined,
  write: (buffer: GPUBuffer, offset: number, words: Uint32Array) => void,
): void {
  for (const each of [picked, chosen]) {
    if (!each) continue;
    write(each.buffer, 0, words);
    if (opened !== undefined) openedAt(counts.length, each.buffer.size).forEach((at) => write(each.buffer, at, Uint32Array.of(opened)));
  }
}

export function createTicker(gpu: TickGpu): Ticker {
  const { device, ledger } = gpu;
  const kept = new WeakMap<Sequence, Kept>();
  const scratch = new Map<string, GPUBuffer>();
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;

  function keptOf(sequence: Sequence): Kept {
    const own = kept.get(sequence) ?? { groups: [] };
    if (kept.has(sequence)) return own;
    kept.set(sequence, own);
    sequence.whenClosed!(() => freeKept(ledger, own));
    return own;
  }

  return {
    async tick({ sequence, length, submit: submitTo, signal, ...at }) {
      const { shaped } = sequence as Sequence & { shaped: Shaped };
      const { shape: { policy, plan, options }, layers, since, noted, queried, away } = shaped;
      await away?.begin();
      let works: Work[] = [];
      let words: number[] = [];
      let { base } = shaped;
      const setsOf = (set: KvSet) => shaped.setsOf(layers.find(({ sets }) => sets.includes(set))!.layer);
      const write = (buffer: GPUBuffer, offset: number, more: Uint32Array): void => {
        works.push({ kind: 'copy', from: { word: words.length }, to: { buffer, offset }, byteLength: more.byteLength });
        words.push(...more);
      };
      const submit = async () => {
        const [all, own] = [works, words];
        [works, words] = [[], []];
        await submitWorks(gpu, keptOf(sequence), { sequence, works: all, words: own, submit: submitTo });
      };
      await policy.tick({
        ...at, of: sequence, length, base, since, noted, queried: queried.first, plan, options, layers, angles: gpu.angles, rest: restsFor(signal),
        dispatch: (work) => void works.push({ kind: 'dispatch', work }),
        scratch(name, bytes) {
          const buffer = atLeast(ledger, scratch.get(name), bytes, `kv.tick.${name}`, usage);
          scratch.set(name, buffer);
          return buffer;
        },
        async makeRoom(set, slots) {
          if (await setsOf(set).makeRoom(set, slots)) shaped.replaced();
        },
        setCounts(set, counts) {
          const { lists, count } = setsOf(set);
          const { at: offset, words: more } = count(set, counts);
          write(lists.buffer, offset, more);
        },
        setPicks: (set, runs, tails, opened) => writePicks(setsOf(set), setsOf(set).pick(runs, tails), opened, write),
        setLow: (set) => setsOf(set).setLow(),
        async setSize(set, size) {
          if (await setsOf(set).resize(size)) shaped.replaced();
        },
        advance(to) {
          checkEnd({ base, length }, to);
          base = to;
        },
        async whole(layer) {
          const [set, ...others] = layer.sets;
          if (!away || !shaped.setsOf(layer.layer).paging) return layer;
          await submit();
          await away.bringWhole(layer.layer);
          const { pages, lists } = away.whole;
          return { ...layer, lists: lists.buffer, sets: [{ ...set, pages: pages.buffer }, ...others] };
        },
        write: (buffer, more) => write(buffer, 0, more),
        copy: (from, to, byteLength) => void works.push({ kind: 'copy', from, to, byteLength }),
        async read(buffer, byteLength) {
          await submit();
          return readBytes(device, ledger, 'kv.tick.read', { buffer, byteLength });
        },
      });
      await submit();
      await away?.ticked({ phase: at.phase, length, since, queried: queried.first, signal });
      shaped.ticked(length, base, at.phase === 'prompt', plan.notes === undefined || at.phase !== 'decode');
      shaped.queried.ticked(length);
      device.queue.writeBuffer(sequence.state.buffer, 12, Uint32Array.of(base));
    },
  };
}
