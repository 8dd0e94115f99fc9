// Answers of the processor to the queries of a token: a layer's query comes to the CPU, which attends by it to the slots on pages at home in worker memory;
// what that gives goes to the GPU, where attention-reduce.wgsl joins it with what the GPU attended to meanwhile (InstInfer's rule: the query goes to the data,
// arXiv 2409.04992; ScoutAttention has both attend at a time). So the bytes that cross are those of a query and of a head's sums, whatever the length.
import { type Binding } from '../../gpu/program.ts';
import { type KeptAnswered } from '../../protocol.ts';
import { type KvTick } from '../policy.ts';
import { type Shape } from '../shape.ts';
import { type Asking, type Way, createAsking, floatsOf } from './asking.ts';
import { type Attended, createAttended } from './attended.ts';
import { type AwayBytes } from './away-bytes.ts';
import { type At, type AwayLayer } from './away-layer.ts';
import { restsFor } from './turns.ts';

/** What there is to know of a tick. */
export interface Ticked extends Pick<KvTick, 'phase' | 'length' | 'since' | 'queried'> {
  /** Of the request. */
  signal?: AbortSignal;
}

export interface Answers extends Asking {
  readonly counters: Readonly<KeptAnswered>;
  /** Where the answer of a layer lies. */
  at(layer: number): Binding | undefined;
  /** Whether layers are asked within the next token: none is whose answer is there by then. */
  readonly asks: boolean;
  /**
   * Where answers come a token late: by the queries of all layers; without those of the token before, layers are asked within the next one, and so
   * where this rejects, with the signal's reason.
   */
  late(queries: Uint32Array | undefined, signal?: AbortSignal): Promise<void>;
  /** Where there are indexes: they learn of the queries since the tick before, and of new slots. An abort ends it; what is in no index is all attended to. */
  ticked(at: Ticked): Promise<void>;
  /** Forgets slots from `length` on. */
  cut(length: number): void;
  /** Has the indexes of another sequence, whose slots were copied. */
  copyFrom(other: Answers): void;
  readonly attended: Attended;
  /** Before its buffers go: an answer that is still being made, of a step that was ended, is written nowhere. */
  close(): void;
}

interface Given extends Pick<At, 'device' | 'home'> {
  shape: Shape;
  layers: () => readonly AwayLayer[];
  /** Through which queries come to the CPU; through the first also those of all layers at a tick. */
  ways: readonly Way[];
  answers: GPUBuffer;
}

export function createAnswers({ device, home, shape, layers, ways, answers }: Given, { answerAt }: AwayBytes): Answers {
  const [{ reading, queries }] = ways;
  const attended = createAttended(home, shape);
  const { counters } = attended;
  const kept = shape.plan.queries!;
  let isThere = false; // what comes late
  let isClosed = false;

  const isAsked = ({ answered }: AwayLayer): boolean => answered !== undefined && !(answered.lag && isThere);

  async function give(layer: AwayLayer, query: Float32Array, signal?: AbortSignal): Promise<void> {
    if (isClosed) return;
    const floats = await attended.attend(layer, query, signal);
    if (isClosed) return; // meanwhile
    device.queue.writeBuffer(answers, answerAt[layer.layer].offset, floats);
    counters.answers++;
    counters.crossedBytes += query.byteLength + floats.byteLength;
  }

  const layerOf = (index: number) => layers().find((each) => each.layer === index);
  const asking = createAsking({ ways, kept, layerOf, askedOf: (index) => layers().find((each) => each.layer === index && isAsked(each)), give });

  /** Of a layer the queries of the last `count` positions before `length`. */
  function lastOf({ at, words }: AwayLayer, all: Uint32Array, length: number, count: number): Float32Array {
    const own = new Float32Array(count * words);
    for (let i = 0; i < count; i++) {
      const from = at + ((length - count + i) % kept) * words;
      own.set(floatsOf(all.subarray(from, from + words)), i * words);
    }
    return own;
  }

  return {
    counters,
    get asks() {
      return layers().some(isAsked);
    },
    at: (layer) => (answerAt[layer].size ? { buffer: answers, ...answerAt[layer] } : undefined),
    ...asking,
    async late(words, signal) {
      isThere = false;
      for (const layer of words ? layers().filter(({ answered }) => answered?.lag) : [])
        await give(layer, floatsOf(words!.subarray(layer.at, layer.at + layer.words)), signal);
      isThere = words !== undefined;
    },
    async ticked({ phase, length, since, queried, signal }) {
      const indexed = layers().filter(attended.learns);
      if (!indexed.length) return;
      const encoder = device.createCommandEncoder({ label: 'kv.away.queries' });
      for (const { sets, at, words } of indexed) encoder.copyBufferToBuffer(sets.queries!.buffer, 0, queries, 4 * at, 4 * words * kept);
      device.queue.submit([encoder.finish()]);
      reading.begin();
      const all = (await reading.take())!;
      const count = Math.max(0, Math.min(kept, length - Math.max(since, queried)));
      const rest = restsFor(signal);
      try {
        for (const layer of indexed) await attended.learn(layer, { queries: lastOf(layer, all, length, count), ended: phase === 'prompt', rest });
      } catch (error) {
        if (!signal?.aborted || error !== signal.reason) throw error;
      }
    },
    cut: attended.cut, attended,
    close: () => void (isClosed = true),
    copyFrom: (other) => attended.copyFrom(other.attended, layers()),
  };
}
