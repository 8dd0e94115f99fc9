// Queries of layers on their way to the processor, and their answers on their way back. Where layers are asked ahead, the processor attends as soon as a query
// is there, beside whatever is submitted meanwhile; else when the answer is waited for.
import { type AwayLayer, noteWords } from './away-layer.ts';
import { type Reading } from './reading.ts';

/** A buffer through which queries come to the processor. */
export interface Way {
  /** Of `queries`. */
  reading: Reading;
  queries: GPUBuffer;
}

export interface Asking {
  /**
   * At the end of the submit in which a layer's query is made, of `position`, and right after it; does nothing where its answer is there. `signal` ends the
   * processor's part where layers are asked ahead.
   */
  ask(encoder: GPUCommandEncoder, layer: number, position: number): void;
  asked(signal?: AbortSignal): void;
  /**
   * To be awaited before the answer of a layer is joined; where it was asked, that is on the GPU for what is submitted after. Rejects with the signal's
   * reason.
   */
  answer(layer: number, signal?: AbortSignal): Promise<void>;
  /** Once no layer is being answered any more: of a step that was ended, some may be. */
  settled(): Promise<void>;
}

interface Given {
  /** Two where a layer is asked while another is answered. */
  ways: readonly Way[];
  /** Queries of a layer that are kept. */
  kept: number;
  /** A layer that is to be asked. */
  askedOf(index: number): AwayLayer | undefined;
  layerOf(index: number): AwayLayer | undefined;
  give(layer: AwayLayer, query: Float32Array, signal?: AbortSignal): Promise<void>;
}

export const floatsOf = (words: Uint32Array): Float32Array => new Float32Array(words.buffer, words.byteOffset, words.length);

export function createAsking({ ways, kept, askedOf, layerOf, give }: Given): Asking {
  let asking: AwayLayer | undefined;
  let asks = 0;
  const working = new Map<number, Promise<void>>(); // answers of layers that were asked ahead, in the order of their asking
  const way = () => ways[asks % ways.length];

  async function giveNext(before: Promise<void> | undefined, layer: AwayLayer, { reading }: Way, signal?: AbortSignal): Promise<void> {
    await before?.catch(() => {}); // told by `answer`
    const words = await reading.take();
    if (words) await give(layer, floatsOf(words), signal);
  }

  return {
    ask(encoder, index, position) {
      asking = askedOf(index);
      if (asking) noteWords(encoder, asking, way().queries, position % kept);
    },
    asked(signal) {
      if (!asking) return;
      const [layer, own] = [asking, way()];
      asking = undefined;
      own.reading.begin(4 * layer.at, 4 * layer.words);
      if (!layer.answered!.ahead) return;
      asks++;
      const answer = giveNext([...working.values()].at(-1), layer, own, signal);
      answer.catch(() => {}); // told by `answer`
      working.set(layer.layer, answer);
    },
    async answer(index, signal) {
      const ahead = working.get(index);
      if (ahead) return ahead.finally(() => working.delete(index));
      const words = await way().reading.take();
      const layer = layerOf(index);
      if (words && layer) await give(layer, floatsOf(words), signal);
    },
    async settled() {
      await Promise.allSettled(working.values());
      working.clear();
    },
  };
}
