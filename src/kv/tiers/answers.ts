// Answers of the processor to the queries of a token: a layer's query comes to the CPU, which attends by it to the slots on pages at home in worker memory;
// what that gives goes to the GPU, where attention-reduce.wgsl joins it with what the GPU attended to meanwhile (InstInfer's rule: the query goes to the data,
// arXiv 2409.04992; ScoutAttention has both attend at a time). So the bytes that cross are those of a query and of a head's sums, whatever the length.
import { type Binding } from '../../gpu/program.ts';
import { type KeptAnswered } from '../../protocol.ts';
import { pageSlots } from '../formats/format.ts';
import { type Shape } from '../shape.ts';
import { type AwayBytes } from './away-bytes.ts';
import { type At, type AwayLayer, noteWords } from './away-layer.ts';
import { type Partial, createPartial, partialFloats } from './partial.ts';
import { type Reading } from './reading.ts';

export interface Answers {
  readonly counters: Readonly<KeptAnswered>;
  /** Where the answer of a layer lies. */
  at(layer: number): Binding | undefined;
  /** At the end of the submit in which a layer's query is made, and right after it; does nothing where answers come a token late. */
  ask(encoder: GPUCommandEncoder, layer: number): void;
  asked(): void;
  /** To be awaited before the answer of a layer is joined; where it was asked, that is on the GPU for what is submitted after. */
  answer(layer: number): Promise<void>;
  /** Where answers come a token late: by the queries of all layers, or where there are none as if nothing were in worker memory. */
  late(queries: Uint32Array | undefined): void;
}

interface Given extends Pick<At, 'device' | 'home'> {
  shape: Shape;
  layers: () => readonly AwayLayer[];
  /** Of `queries`, through which those come to the CPU. */
  reading: Reading;
  queries: GPUBuffer;
  answers: GPUBuffer;
}

export function createAnswers({ device: { queue }, home, shape, layers, reading, queries, answers }: Given, { answerAt }: AwayBytes): Answers {
  const partials = new Map<number, Partial>();
  const counters: KeptAnswered = { answers: 0, crossedBytes: 0, slots: 0, scored: 0 };
  let asking: AwayLayer | undefined;

  const partialOf = ({ layer, heads }: AwayLayer): Partial => {
    const own = partials.get(layer) ?? createPartial({ ...heads, ...shape.attended[layer] }, shape.format);
    partials.set(layer, own);
    return own;
  };

  function put(layer: AwayLayer, partial: Partial): number {
    const floats = new Float32Array(partialFloats({ ...layer.heads, ...shape.attended[layer.layer] }));
    partial.write(floats);
    queue.writeBuffer(answers, answerAt[layer.layer].offset, floats);
    return floats.byteLength;
  }

  /** All slots of a kv head between the first and the tail, page by page. */
  function addAll({ layer, pick: { first }, sets: { all: [{ counts, tails }] } }: AwayLayer, head: number, partial: Partial): void {
    const end = Math.min(counts[head], tails[head]);
    for (let row = Math.floor(first / pageSlots); row * pageSlots < end; row++) {
      const begin = row * pageSlots;
      partial.addPage(head, home.pageInMemory(layer, row, head), Math.max(0, first - begin), Math.min(pageSlots, end - begin));
    }
    const slots = Math.max(0, end - first);
    counters.slots += slots;
    counters.scored += slots;
  }

  function give(layer: AwayLayer, query: Float32Array): void {
    const partial = partialOf(layer);
    partial.begin(query);
    for (let head = 0; head < layer.heads.kvHeads; head++) addAll(layer, head, partial);
    counters.crossedBytes += query.byteLength + put(layer, partial);
    counters.answers++;
  }

  function giveNothing(layer: AwayLayer): void {
    const partial = partialOf(layer);
    partial.begin(new Float32Array(0));
    put(layer, partial);
  }

  return {
    counters,
    at: (layer) => (answerAt[layer].size ? { buffer: answers, ...answerAt[layer] } : undefined),
    ask(encoder, index) {
      asking = layers().find(({ layer, answered }) => layer === index && answered && !answered.lag);
      if (asking) noteWords(encoder, asking, queries);
    },
    asked() {
      if (asking) reading.begin(4 * asking.at, 4 * asking.words);
      asking = undefined;
    },
    async answer(index) {
      const words = await reading.take();
      const layer = layers().find((each) => each.layer === index);
      if (words && layer) give(layer, floatsOf(words));
    },
    late(words) {
      for (const layer of layers().filter(({ answered }) => answered?.lag)) {
        if (words) give(layer, floatsOf(words.subarray(layer.at, layer.at + layer.words)));
        else giveNothing(layer);
      }
    },
  };
}

const floatsOf = (words: Uint32Array): Float32Array => new Float32Array(words.buffer, words.byteOffset, words.length);
