// A sequence: all state of one conversation on the GPU. Its tokens, its state and ids, the fresh keys and values of every
// layer. Knows neither text nor requests.
import { type Ledger } from '../gpu/ledger.ts';
import { type Binding } from '../gpu/program.ts';
import { type ModelConfig } from '../model/graph.ts';
import { type SequenceBuffers } from '../model/operation.ts';
import { sequenceBytes } from '../model/sequence-buffers.ts';
import { samplerStateBytes } from '../model/sampling/buffers.ts';
import { type KvFormat } from './formats/format.ts';
import { createFresh, freshBytes, grownTo, inSteps } from './fresh.ts';
import { layersOf, pagesOf, writeTokens } from './pages.ts';
import { type Recurrent, type StateSizes, createRecurrent, recurrentBytes } from './recurrent.ts';
import { cachesOf, segmentBytes } from './segment.ts';

/** What sequences of one placed model have in common. */
export interface SequenceHome {
  device: GPUDevice;
  ledger: Ledger;
  config: Pick<ModelConfig, 'layers' | 'kvHeads' | 'headDim' | 'caches' | 'vocab'>;
  /** Of each operation that keeps another state the bytes. Default: none does. */
  states?: StateSizes;
  /** Most positions. */
  context: number;
  format: KvFormat;
  /** What decided how keys are turned, where that depends on `context`. */
  angles?: string;
  /** Forgets bind groups, as buffers of the sequence were replaced or freed. */
  release(sequence: SequenceBuffers): void;
  /** Has others give way before a sequence grows to so many positions, where they would have too much together. Whether there is room for `wished` too. */
  makeWay?(sequence: Sequence, positions: number, wished: number): boolean;
}

export interface Sequence extends SequenceBuffers {
  /** Whose keys and values are there, in order. */
  readonly tokens: readonly number[];
  /** The state of operations that keep no keys and values, if the model has such. */
  readonly memory?: Recurrent;
  /** Positions that every layer has room for. */
  readonly capacity: number;
  /** Bytes that it takes on the GPU beyond what is planned for the one that stays: keys and values, and all else of another one. */
  readonly byteLength: number;
  /** The bytes that another sequence would take with room for so many positions. */
  bytesFor(positions: number): number;
  /** Notes that tokens were run, the first of them at `position`; what was known beyond is forgotten. */
  note(position: number, ids: readonly number[]): void;
  /** Makes room for so many positions. BudgetError where there is none; what is there stays. */
  makeRoom(positions: number): Promise<void>;
  /** Forgets what is beyond `length` tokens; gives the length reached, which may be less. */
  truncate(length: number): number;
  /** A sequence of the first `length` tokens, or of fewer as in `truncate`, copied on the GPU; this one stays as it is. BudgetError if there is no room. */
  fork(length?: number): Promise<Sequence>;
  /** The sequence as bytes, to be gone on from by `restore`, in another process too. `model`: the id of the stored model. */
  save(model: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Takes the place of what is here. RequestError if it was saved of another model, format or layout. */
  restore(bytes: Uint8Array, model: string): Promise<void>;
  /** Frees what it has on the GPU. False for one that is to be there as long as its model: that is emptied. */
  close(): boolean;
}

/** A chunk of its own: most pages save nothing. */
const saving = () => import('./saved.ts');

/** `stays`: as long as its model does. */
export function createSequence(home: SequenceHome, stays = false): Sequence {
  const { device, ledger, config, context, format, states = {} } = home;
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const freed: (() => void)[] = [];
  const makeFresh = () => createFresh(ledger, config, context, format);
  const made = ledger.allOrNone(() => {
    const own = Object.entries(sequenceBytes(context)).map(([name, bytes]): [string, Binding] => [
      name,
      { buffer: ledger.create('activations', `sequence.${name}`, bytes, usage) },
    ]);
    const memory = Object.keys(states).length ? createRecurrent(device, ledger, states) : undefined;
    return { own: Object.fromEntries(own), fresh: makeFresh(), memory };
  });
  const { own: { state, ids }, memory } = made;
  let { fresh } = made;
  const tokens: number[] = [];

  const ownBytes = Object.values(sequenceBytes(context)).reduce((a, b) => a + b, 0) + samplerStateBytes(config.vocab) + recurrentBytes(states);
  const bytesOfLayers = (positions: number) =>
    cachesOf(config).reduce((sum, heads) => sum + segmentBytes(heads, Math.min(context, inSteps(positions)), format), 0);

  const sequence: Sequence = {
    state, ids, memory,
    recurrent: (name) => memory!.binding(name),
    fresh: (layer) => ({ buffer: fresh.layer(layer).buffer }),
    whenClosed: (free) => void freed.push(free),
    get tokens() {
      return tokens;
    },
    get capacity() {
      return fresh.capacity;
    },
    get byteLength() {
      return layersOf(home, sequence).reduce((sum, { size }) => sum + size, stays ? recurrentBytes(states) : ownBytes);
    },
    bytesFor: (positions) => ownBytes + Math.max(freshBytes(config, context, format).first, bytesOfLayers(positions)),
    note(position, more) {
      tokens.length = position <= tokens.length ? position : 0;
      if (tokens.length === position) tokens.push(...more);
    },
    async makeRoom(positions) {
      if (positions <= fresh.capacity) return;
      const wished = grownTo(fresh.capacity, positions, context);
      const slots = home.makeWay?.(sequence, positions, wished) === false ? Math.min(context, inSteps(positions)) : wished;
      try {
        await fresh.grow(device, positions, slots);
      } finally {
        home.release(sequence); // also of the layers before one that failed
      }
    },
    truncate(length) {
      const wished = Math.min(length, tokens.length);
      tokens.length = memory ? memory.reach(wished) : wished;
      return tokens.length;
    },
    fork: (length = tokens.length) => fork(home, sequence, length),
    save: async (model) => (await saving()).save(home, sequence, model),
    restore: async (bytes, model) => (await saving()).restore(home, sequence, bytes, model),
    close() {
      tokens.length = 0;
      memory?.reach(0);
      layersOf(home, sequence).forEach((buffer) => ledger.destroy(buffer));
      home.release(sequence);
      if (stays) {
        fresh = makeFresh();
        return false;
      }
      freed.forEach((free) => free());
      memory?.free();
      [state, ids].forEach(({ buffer }) => ledger.destroy(buffer));
      return true;
    },
  };
  return sequence;
}

async function fork(home: SequenceHome, from: Sequence, wished: number): Promise<Sequence> {
  const { device, ledger } = home;
  const copy = createSequence(home);
  try {
    await ledger.settle();
    await copy.makeRoom(Math.max(1, wished));
    const memory = from.memory?.source(wished);
    const length = from.memory ? (memory?.length ?? 0) : wished;
    if (memory) copy.memory!.take(memory);
    const pages = pagesOf(home, length);
    const encoder = device.createCommandEncoder({ label: 'sequence.fork' });
    if (length) layersOf(home, from).forEach((buffer, layer) => encoder.copyBufferToBuffer(buffer, 0, copy.fresh(layer).buffer, 0, pages[layer]));
    device.queue.submit([encoder.finish()]);
    writeTokens(home, copy, from.tokens.slice(0, length));
    return copy;
  } catch (error) {
    copy.close();
    throw error;
  }
}
