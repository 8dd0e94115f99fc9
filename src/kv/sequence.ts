// A sequence: all state of one conversation on the GPU. Its tokens, its state and ids, the fresh keys and values of every
// layer. Knows neither text nor requests.
import { type Ledger } from '../gpu/ledger.ts';
import { type Binding } from '../gpu/program.ts';
import { type ModelConfig } from '../model/graph.ts';
import { type SequenceBuffers } from '../model/operation.ts';
import { sequenceBytes } from '../model/sequence-buffers.ts';
import { samplerStateBytes } from '../model/sampling/buffers.ts';
import { type KvFormat } from './formats/format.ts';
import { type Fresh, createFresh, freshBytes, grownTo } from './fresh.ts';
import { layersOf, pagesOf, writeTokens } from './pages.ts';
import { type Recurrent, type StateSizes, createRecurrent, recurrentBytes } from './recurrent.ts';
import { cachesOf, inSteps, segmentBytes } from './segment.ts';
import { type Shape } from './shape.ts';
import { type Shaped } from './shaped.ts';
import { type Uploads } from './tiers/away-layer.ts';
import { type Scratch } from './tiers/scratch.ts';

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
  /** What a policy makes of keys and values, if there is one. */
  shape?: Shape;
  /** What decided how keys are turned, where that depends on `context`. */
  angles?: string;
  /** Brings bytes to the GPU, where pages are at home elsewhere. */
  uploads?(): Uploads;
  /** Of each layer of latents what those are made by. */
  bases?: readonly (GPUBuffer | undefined)[];
  /** Makes files for pages that worker memory has no room for. */
  scratch?: Scratch;
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
  /** Changes when buffers of it were replaced. */
  readonly version: number;
  /** Its keys and values, where a policy shapes them. */
  readonly shaped?: Shaped;
  /** Whether some were put together of parts that have not seen each other, until it is emptied: what begins with the same tokens is not to go on from it. */
  approximate: boolean;
  /** How many of a prompt's last tokens are run even where they are there: a step of one would read what a token chose that may be gone (`PickPlan.lag`). */
  readonly runAnew?: number;
  /** Bytes that it takes on the GPU beyond what is planned for the one that stays: keys and values, and all else of another one. */
  readonly byteLength: number;
  /** The bytes that another sequence would take with room for so many positions, or it itself. */
  bytesFor(positions: number, itself?: boolean): number;
  /** Notes that tokens were run, the first of them at `position`; what was known beyond is forgotten. */
  note(position: number, ids: readonly number[]): void;
  /** Makes room for so many positions. BudgetError where there is none; what is there stays. */
  makeRoom(positions: number): Promise<void>;
  /** Forgets what is beyond `length` tokens; gives the length reached, which may be less. */
  truncate(length: number): number;
  /** The length that `truncate` would reach. */
  reaches(length: number): number;
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
const saving = () => import('./saved/saved.ts');

/** Bytes of all that a sequence has beside keys and values. */
const ownBytes = ({ context, config, states = {} }: SequenceHome): number =>
  Object.values(sequenceBytes(context)).reduce((a, b) => a + b, 0) + samplerStateBytes(config.vocab) + recurrentBytes(states);

function bytesFor(home: SequenceHome, positions: number): number {
  const { shape, config, format, context } = home;
  if (shape) return ownBytes(home) + shape.bytes.full;
  const layers = cachesOf(config).reduce((sum, heads) => sum + segmentBytes(heads, Math.min(context, inSteps(positions)), format), 0);
  return ownBytes(home) + Math.max(freshBytes(config, context, format).first, layers);
}

/** Its state and its ids. */
function makeOwn(ledger: Ledger, context: number): Record<string, Binding> {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const make = (name: string, bytes: number) => ({ buffer: ledger.create('activations', `sequence.${name}`, bytes, usage) });
  return Object.fromEntries(Object.entries(sequenceBytes(context)).map(([name, bytes]) => [name, make(name, bytes)]));
}

/** Slots that a sequence grows to for so many positions: more than those, where others make way for them. */
function slotsToHave(home: SequenceHome, sequence: Sequence, positions: number): number {
  const wished = grownTo(sequence.capacity, positions, home.context);
  return home.makeWay?.(sequence, positions, wished) === false ? Math.min(home.context, inSteps(positions)) : wished;
}

/** `stays`: as long as its model does. */
export function createSequence(home: SequenceHome, stays = false): Sequence {
  const { device, ledger, config, context, format, shape, states = {} } = home;
  const freed: (() => void)[] = [];
  let version = 0;
  let fresh: Fresh;
  let shaped: Shaped | undefined;
  const makeFresh = () => createFresh(ledger, config, context, format, shape?.ringsOf(shape, () => shaped?.base ?? 0));
  const replaced = () => {
    version++;
    home.release(sequence);
  };
  const { own: { state, ids }, memory } = ledger.allOrNone(() => {
    const own = makeOwn(ledger, context);
    const memory = Object.keys(states).length ? createRecurrent(device, ledger, states) : undefined;
    fresh = makeFresh();
    shaped = shape?.createShaped({ ...home, shape }, () => fresh, replaced);
    return { own, memory };
  });
  const tokens: number[] = [];

  const sequence: Sequence = {
    state, ids, memory, shaped, approximate: false, runAnew: shape?.runAnew,
    get base() {
      return shaped?.base;
    },
    get version() {
      return version;
    },
    sets: (layer) => shaped!.setsOf(layer),
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
      return fresh.byteLength + (shaped?.byteLength ?? 0) + (stays ? recurrentBytes(states) : ownBytes(home));
    },
    bytesFor: (positions, itself) => bytesFor(home, positions) - (itself && stays ? ownBytes(home) - recurrentBytes(states) : 0), // as `byteLength` has it
    note(position, more) {
      tokens.length = position <= tokens.length ? position : 0;
      if (tokens.length === position) tokens.push(...more);
    },
    async makeRoom(positions) {
      if (positions <= fresh.capacity) return;
      await fresh.grow(device, positions, slotsToHave(home, sequence, positions)).finally(replaced); // also of the layers before one that failed
    },
    truncate(length) {
      const cut = (wished: number) => shaped?.cut(wished) ?? wished;
      const wished = cut(Math.min(length, tokens.length));
      tokens.length = memory ? cut(memory.reach(wished)) : wished;
      sequence.approximate &&= tokens.length > 0;
      return tokens.length;
    },
    fork: (length = tokens.length) => fork(home, sequence, length), reaches: (length) => reachOf(sequence, length),
    save: async (model) => (await saving()).save(home, sequence, model),
    restore: async (bytes, model) => (await saving()).restore(home, sequence, bytes, model),
    close() {
      tokens.length = 0;
      sequence.approximate = false;
      memory?.reach(0);
      fresh.free();
      shaped?.free();
      replaced();
      if (stays) {
        ledger.allOrNone(() => {
          shaped?.makeAnew();
          fresh = makeFresh();
        });
        return false;
      }
      [...freed, () => memory?.free(), ...[state, ids].map(({ buffer }) => () => ledger.destroy(buffer))].forEach((free) => free());
      return true;
    },
  };
  return sequence;
}

function reachOf({ tokens, shaped, memory }: Sequence, length: number): number {
  const inSets = (wished: number): number => shaped?.reaches(wished) ?? wished;
  const wished = inSets(Math.min(length, tokens.length));
  return memory ? inSets(memory.source(wished)?.length ?? 0) : wished;
}

async function fork(home: SequenceHome, from: Sequence, wished: number): Promise<Sequence> {
  const copy = createSequence(home);
  copy.approximate = from.approximate;
  try {
    await home.ledger.settle();
    if (home.shape) await home.shape.forkShaped(home, from, copy, wished);
    else await forkPlain(home, from, copy, wished);
    copy.approximate &&= copy.tokens.length > 0;
    return copy;
  } catch (error) {
    copy.close();
    throw error;
  }
}

async function forkPlain(home: SequenceHome, from: Sequence, copy: Sequence, wished: number): Promise<void> {
  const { device } = home;
  await copy.makeRoom(Math.max(1, wished));
  const memory = from.memory?.source(wished);
  const length = from.memory ? (memory?.length ?? 0) : wished;
  if (memory) copy.memory!.take(memory);
  const pages = pagesOf(home, length);
  const encoder = device.createCommandEncoder({ label: 'sequence.fork' });
  if (length) layersOf(home, from).forEach((buffer, layer) => encoder.copyBufferToBuffer(buffer, 0, copy.fresh(layer).buffer, 0, pages[layer]));
  device.queue.submit([encoder.finish()]);
  writeTokens(home, copy, from.tokens.slice(0, length));
}
