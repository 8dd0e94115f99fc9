// What a worker (or Node) hosts: loads models and answers requests, several at once.
import { RequestError } from '../errors.ts';
import { getString } from '../gguf/metadata.ts';
import { type ByteSource } from '../gguf/source.ts';
import { type DeviceOptions, lossOf } from '../gpu/device.ts';
import {
  type EmbedInput,
  type EmbedRequest,
  type Embedding,
  type EngineStats,
  type FinishReason,
  type GenerateRequest,
  type GenerateStats,
  type LoadOptions,
  type LoadProgress,
  type ModelInfo,
  type ModelSource,
  type Said,
  type SessionStates,
  type StoredModel,
  type Token,
  type VerifyResult,
} from '../protocol.ts';
import { keptSlots } from '../kv/kept-slots.ts';
import { anySignal } from '../signals.ts';
import { type Gate, createGate } from '../weights/import/gate.ts';
import { type OpenScratch } from '../kv/tiers/scratch.ts';
import { whileUnused } from '../weights/store/locks.ts';
import { describeLoaded, describeStored } from './info.ts';
import { type Line, explain, holdsFor, openLine, planWithin, walkAgain, walkFromOpened, walkToPlan } from './load/line.ts';
import { type LoadedModel } from './load/load.ts';
import { type EngineOptions } from './load/options.ts';
import { type Report, reporter } from './load/progress.ts';
import { type Storage, ensureStored, noteActivation } from './load/weights.ts';
import { type GpuCostRecords } from './measure/predict/forecast.ts';
import { type Tuning } from './measure/tune/tuning.ts';
import { withHeads } from './heads.ts';
import { type KeptWithModel, forgetWith, keepWith } from './kept-with-model.ts';
import { createRecovery, whenGpuIsThere } from './recovery.ts';
import { type Running, type Session, createSession, runningOf } from './run/session.ts';
import { type KeptStore } from './sessions/kept.ts';
import { type Turns, createTurns } from './turns.ts';

export { type EngineOptions };

/** What the engine needs of the place it runs in. */
export interface Host extends Storage, KeptWithModel {
  gpu: GPU | undefined;
  deviceOptions?: DeviceOptions;
  /** Where it is kept which shapes are fast on an adapter, and which kernels passed their test. */
  tuning?: Tuning;
  /** Where states of conversations are kept. */
  keptStates?: () => Promise<KeptStore>;
  /** Makes files that go away by themselves, for pages of keys and values that worker memory has no room for. */
  scratch?: OpenScratch;
  /** By which the measuring of kernels ends in time, and by which requests are timed; default performance.now. */
  now?: () => number;
  /** Resolves after so many milliseconds, while a GPU that was lost may come back; default by setTimeout. */
  wait?: (ms: number) => Promise<void>;
  /** Text in place of that of shader files, to see what wrong kernels do. */
  shaders?: Record<string, string>;
  /** Where it is kept what the parts of models cost on an adapter. */
  gpuCosts?: GpuCostRecords;
  /** Of the machine, if the default budget may be up to half of it; without, it is what is safe in a page. */
  memoryBytes?: number;
}

export interface Engine {
  /** In place of what is loaded. The same model is not opened again: only its kernels are chosen and its weights placed anew. */
  load(source: ModelSource | ByteSource, options?: EngineOptions, onProgress?: (progress: LoadProgress) => void): Promise<ModelInfo>;
  /**
   * Plans and places the loaded model again within another budget, by default a guessed one; its file is not opened again, its conversation
   * goes on. Where that cannot be, the model stays as it was.
   */
  changeBudget(budgetBytes?: number, onProgress?: (progress: LoadProgress) => void): Promise<ModelInfo>;
  /**
   * Where the GPU is lost meanwhile, the model is brought back and the answer goes on; its statistics tell. `onBegun` is called behind the first
   * step of the prompt.
   */
  generate(
    request: GenerateRequest,
    onTokens: (tokens: Token[], text: string, said?: Said) => void,
    signal?: AbortSignal,
    onBegun?: () => void,
  ): Promise<{ reason: FinishReason; stats: GenerateStats }>;
  /** Vectors of texts, in their order; UnsupportedModelError for a model that gives none. Rejects with the signal's reason. */
  embed(inputs: readonly EmbedInput[], how?: EmbedRequest & { signal?: AbortSignal }): Promise<Embedding[]>;
  /** One of `SessionStates`, by its name: what it does to states is done between the steps of answers. */
  session(call: keyof SessionStates, ...args: unknown[]): Promise<unknown>;
  /** What is loaded; RequestError if nothing is. */
  loaded(): Loaded;
  stats(): EngineStats;
  models(): Promise<StoredModel[]>;
  remove(id: string): Promise<void>;
  /** Puts a model into the store; needs no GPU. */
  importModel(source: ModelSource, options?: LoadOptions, onProgress?: (progress: LoadProgress) => void): Promise<StoredModel>;
  pauseImports(paused: boolean): void;
  verify(id: string, options?: Pick<LoadOptions, 'encryption'>): Promise<VerifyResult>;
  unload(): Promise<void>;
  /** Runs `work` while nothing is answered or loaded, and holds back what comes meanwhile: for what measures the GPU. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
}

export interface Loaded extends Line, Running {
  readonly model: LoadedModel;
  readonly session: Session;
  readonly info: ModelInfo;
}

/** What an engine has. */
interface EngineState {
  readonly host: Host;
  /** Open where imports may go on. */
  readonly paused: Gate;
  /** Conversations that are put together of documents or recalled, one at a time: what one runs, the next finds. */
  readonly composing: Turns;
  /** What ends those that wait or are under way, by the ids of their conversations. */
  readonly stops: Map<string, AbortController>;
  /** Ids of conversations that were put together of documents, or recalled: what running their text gives is another memory. */
  readonly ofParts: Set<string>;
  loaded?: Loaded;
  /** The return of a model whose GPU was lost, for all of its answers. */
  returning?: Promise<string>;
  lastReturn: string;
}

export function createEngine(host: Host): Engine {
  const state: EngineState = { host, paused: createGate(), composing: createTurns(), stops: new Map(), ofParts: new Set(), lastReturn: '' };
  const { together, alone: inTurn } = createTurns();
  return {
    load: (source, options = {}, onProgress) => inTurn(() => load(state, source, options, onProgress)),
    changeBudget: (...change) => inTurn(() => changeBudget(state, ...change)),
    generate: (...request) => together(() => generate(state, ...request)),
    embed: (...what) => together(() => embed(state, ...what)),
    session: (...call) => together(() => session(state, ...call)),
    loaded: () => needLoaded(state),
    stats: () => statsOf(needLoaded(state)),
    models: async () => ((await host.store?.manifests()) ?? []).map(describeStored),
    remove: (id) => whileUnused(host.locks, id, async () => {
      await forgetWith(host, id);
      await host.store?.remove(id);
    }),
    importModel: (...what) => importModel(state, ...what),
    pauseImports: (pause) => state.paused.set(!pause),
    verify: async (id, options = {}) => (await import('./load/verify.ts')).verifyStored(host, id, options),
    unload: () => inTurn(() => unload(state)),
    inTurn,
  };
}

function needLoaded({ loaded }: EngineState): Loaded {
  if (!loaded) throw new RequestError('No model is loaded. Load one first.', { code: 'not_loaded' });
  return loaded;
}

const runningFor = ({ host }: EngineState, { model, options }: Line): Running => runningOf(model, { now: host.now, queue: options.queue });

/** Puts another model in the place of the loaded one, of which nothing is left; its session goes on. */
function replaceBy(state: EngineState, line: Line): Loaded {
  return (state.loaded = { ...needLoaded(state), ...line, ...runningFor(state, line), info: describeLoaded(line) });
}

/** `kept`: what was opened stays so. */
async function unload(state: EngineState, kept = false): Promise<void> {
  const before = state.loaded;
  state.loaded = undefined;
  await before?.model.destroy();
  before?.model.gpu.device.destroy();
  if (kept) return;
  await before?.weights.release();
  await before?.draftWeights?.release();
}

async function load(
  state: EngineState,
  source: ModelSource | ByteSource,
  options: EngineOptions,
  onProgress?: (progress: LoadProgress) => void,
): Promise<ModelInfo> {
  const { host, paused, loaded } = state;
  const begun = performance.now();
  const report = reporter(onProgress);
  report({ phase: 'header' });
  const kept = loaded && holdsFor(loaded, source, options) ? loaded : undefined;
  await unload(state, kept !== undefined);
  const opened = kept ? { ...kept, options } : await openLine(host, source, options);
  if (!kept && opened.found.notice) report({ notice: opened.found.notice });
  const known = await withHeads(host, opened, kept?.weights, { report, paused, begun });
  const line = await walkFromOpened(host, known.line, known.weights, { report, paused, begun });
  const info = describeLoaded(line);
  state.loaded = { ...line, ...runningFor(state, line), info, session: createSession(() => needLoaded(state), line.text, host.now) };
  await getReady(state);
  if (info.warnings?.length) report({ notice: info.warnings.join('\n') });
  reportReady(line, report);
  return info;
}

async function changeBudget(state: EngineState, budgetBytes?: number, onProgress?: (progress: LoadProgress) => void): Promise<ModelInfo> {
  const { host } = state;
  const report = reporter(onProgress);
  if (await lossOf(needLoaded(state).model.gpu.device)) replaceBy(state, await walkAgain(host, needLoaded(state), report));
  const before = needLoaded(state);
  const within = await planWithin(host, before, budgetBytes);
  try {
    replaceBy(state, await walkToPlan(before, within, report));
  } catch (error) {
    const told = await explain(before.model.gpu.device, error);
    await goBackTo(state, before);
    throw told;
  }
  await getReady(state);
  reportReady(before, report);
  return needLoaded(state).info;
}

/** Does what else a load does behind placing a model, of which nothing is left where that fails. */
async function getReady(state: EngineState): Promise<void> {
  const { ready, model } = needLoaded(state);
  try {
    await ready?.();
  } catch (error) {
    const told = await explain(model.gpu.device, error);
    await unload(state);
    throw told;
  }
}

/** Places a model again that has made way for one that could not be placed; where that fails too, nothing is loaded. */
async function goBackTo(state: EngineState, before: Loaded): Promise<void> {
  try {
    replaceBy(state, await walkToPlan(before, { planned: before.model.planned, options: before.options }, () => {}));
  } catch {
    await unload(state);
  }
}

/** Tells what happened. */
async function bringBack(state: EngineState): Promise<string> {
  const { host } = state;
  const begun = performance.now();
  try {
    replaceBy(state, await whenGpuIsThere(() => walkAgain(host, needLoaded(state), () => {}), host.wait));
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    return (state.lastReturn = `The GPU was lost; the model was back after ${seconds} s, and the answer went on.`);
  } finally {
    state.returning = undefined;
  }
}

/** What brings the model back after a loss of the GPU, and notes it. */
const recoveryOf = (state: EngineState, notices: string[] = []) =>
  createRecovery((error, { model }) => explain(model.gpu.device, error), async (lost) => {
    if (needLoaded(state).model === lost.model) state.returning ??= bringBack(state); // else another answer has had it brought back
    notices.push((await state.returning) ?? state.lastReturn);
  });

async function embed(
  state: EngineState,
  inputs: readonly EmbedInput[],
  { signal, priority }: EmbedRequest & { signal?: AbortSignal } = {},
): Promise<Embedding[]> {
  const { session, opened: { header, graph: { classifier } }, weights: { reader } } = needLoaded(state);
  const tensor = async (name: string | undefined) => (name === undefined ? undefined : reader.hostTensor(name));
  const read = classifier && { weight: (await tensor(classifier.weight))!, bias: await tensor(classifier.bias) };
  const rankTemplate = getString(header.metadata, 'tokenizer.chat_template.rerank', '') || undefined;
  const failed = new AbortController(); // the others end where one fails
  const ending = anySignal([failed.signal, ...(signal ? [signal] : [])]);
  try {
    const how = { classifier: read, rankTemplate, request: failed, signal: ending, priority }; // one in the queue, all of them
    return await Promise.all(inputs.map((input) => session.embed(input, { ...how, recover: recoveryOf(state) })));
  } catch (error) {
    failed.abort(error);
    throw signal?.aborted ? error : await explain(needLoaded(state).model.gpu.device, error);
  }
}

async function generate(state: EngineState, ...[request, onTokens, signal, onBegun]: Parameters<Engine['generate']>): ReturnType<Engine['generate']> {
  const { session } = needLoaded(state);
  const notices: string[] = [];
  const recover = recoveryOf(state, notices);
  const onFed = (ofParts: boolean): void => {
    if (!ofParts && request.session !== undefined && state.ofParts.delete(request.session)) notices.push(partsLost);
  };
  try {
    const { reason, stats } = await session.generate(request, onTokens, signal, { recover, onBegun, onFed });
    const loaded = needLoaded(state);
    // The last of several answers writes what all of them used.
    if (!loaded.scheduler.jobs) await keepWith('uses', state.host, loaded, loaded.model.usesLog?.uses());
    const all = [...notices, ...(stats.notices ?? [])];
    return { reason, stats: all.length ? { ...stats, notices: all } : stats };
  } catch (error) {
    throw await explain(needLoaded(state).model.gpu.device, error);
  }
}

const partsLost =
  'What was put together of documents, or recalled, was gone: it gave way to other conversations, its model was loaded anew, or what was said was changed. ' +
  'The answer is of the text as it was run again; compose or recall it anew to have it otherwise.';

async function session(state: EngineState, ...[call, ...args]: Parameters<Engine['session']>): Promise<unknown> {
  const { host, stops, ofParts } = state;
  const [id] = args as [string];
  if (call === 'close') stops.get(id)?.abort(new RequestError('The session was closed while it was put together or recalled.'));
  const stop = call === 'compose' || call === 'recall' ? new AbortController() : undefined;
  if (stop) stops.set(id, stop); // before anything is waited for: a `close` right behind it finds it
  try {
    const { createSessionStates } = await import('./sessions/states.ts');
    const states = createSessionStates(() => needLoaded(state), await host.keptStates?.(), {
      async costs() {
        const { model: { gpu, planned, kv }, opened, weights, options } = needLoaded(state);
        const { bringCosts } = await import('./sessions/costs.ts');
        return bringCosts(gpu, opened, planned, { host, kv, store: weights.storeCost, options });
      },
      oneByOne: state.composing.alone,
      signal: stop?.signal,
      run: async (tokens, owner) => void (await generate(state, { prompt: { tokens }, session: owner, maxTokens: 0 }, () => {}, stop?.signal)),
    });
    if (call === 'close') ofParts.delete(id);
    const done = await (states[call] as (...args: unknown[]) => Promise<unknown>)(...args);
    for (const each of args) if (typeof each === 'string' && state.loaded?.sequences.of(each)?.approximate) ofParts.add(each);
    return done;
  } catch (error) {
    throw stop?.signal.aborted || !state.loaded ? error : await explain(state.loaded.model.gpu.device, error);
  } finally {
    if (stop) stops.delete(id);
  }
}

async function importModel(
  { host, paused }: EngineState,
  source: ModelSource,
  options: LoadOptions = {},
  onProgress?: (progress: LoadProgress) => void,
): Promise<StoredModel> {
  if (!host.store) throw new RequestError('Nothing is kept here: there is no storage to import into.');
  const report = reporter(onProgress);
  report({ phase: 'header' });
  const { found, opened } = await openLine(host, source, { ...options, adapters: undefined, speculation: undefined });
  const stored = found.manifest ?? (await ensureStored(host, options, found, opened, { report, gate: paused.passed }));
  const manifest = await noteActivation(host.store, stored, { activation: options.activation });
  report({ phase: 'ready', loadedBytes: opened.layout.byteLength, totalBytes: opened.layout.byteLength });
  return describeStored(manifest);
}

function reportReady({ opened: { layout } }: Line, report: Report): void {
  report({ phase: 'ready', loadedBytes: layout.byteLength, totalBytes: layout.byteLength });
}

const statsOf = ({
  model: { ledger, plan, memory, itemMemory, expected }, runner, sequences, readyMs, weights: { storeCost },
}: Loaded): EngineStats => ({
  gpuBytes: { ...ledger.bytes }, gpuBytesPeak: ledger.peakBytes, budgetBytes: ledger.budgetBytes, submits: runner.submits,
  keptBytes: plan.keptBytes, streamedBytes: plan.streamedBytes, memoryBytes: memory.byteLength + (itemMemory?.byteLength ?? 0),
  transfer: runner.transfer(), onDemand: expected, kept: keptSlots(sequences.live.at(-1)!), readyMs, storeCost,
});
