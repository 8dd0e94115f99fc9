// What a worker (or Node) hosts: loads models and answers requests, one after the other.
import { BudgetError, DeviceError, RequestError } from '../errors.ts';
import { type ByteSource } from '../gguf/source.ts';
import { type DeviceOptions, factsOf, type Gpu, lossOf, openGpu } from '../gpu/device.ts';
import { createKernelCache } from '../gpu/kernels.ts';
import { type Ledger } from '../gpu/ledger.ts';
import { type EngineStats, type FinishReason, type GenerateRequest, type GenerateStats, type LoadOptions, type LoadProgress, type ModelInfo, type ModelSource, type StoreCost, type StoredModel, type Token, type VerifyResult } from '../protocol.ts';
import { createTemplate } from '../text/template.ts';
import { endOfPrompt, thinkingSwitch } from '../text/thinking.ts';
import { createTokenizer } from '../text/tokenizer/tokenizer.ts';
import { defaultBudget, deviceMemory, loadByGuess } from './load/default-budget.ts';
import { type GpuCostRecords } from './measure/forecast.ts';
import { checkLimits, checkUnkept } from './load/limits.ts';
import { createGate } from '../weights/import/gate.ts';
import { whileUnused } from '../weights/store/locks.ts';
import { readerToCome } from '../weights/store/reader.ts';
import { type Manifest } from '../weights/store/store.ts';
import { type LoadedModel, type LoadPart, loadModel } from './load/load.ts';
import { type ModelOptions, type OpenedModel, kvFormatFor, openModel, planFor } from './load/model-file.ts';
import { findModel, type FoundModel } from './load/find.ts';
import { ensureStored, holdStored, type ImportControl, nameOf, type OpenedWeights, openReader, type Storage, storeCost, verifyStored } from './load/open.ts';
import { mostPerSubmit } from './run/readback.ts';
import { type KernelChoice, chunks } from '../model/kernel-choice.ts';
import { type Runner, createRunner } from './run/runner.ts';
import { type Session, type Text, createSession } from './run/session.ts';
import { createChooser } from './measure/chooser.ts';
import { describeChoice, choiceFor } from './measure/choice-text.ts';
import { type Tuning } from './measure/tuning.ts';

/** What the engine needs of the place it runs in. */
export interface Host extends Storage {
  gpu: GPU | undefined;
  deviceOptions?: DeviceOptions;
  /** Where it is kept which shapes are fast on an adapter, and which kernels passed their test. */
  tuning?: Tuning;
  /** By which the measuring of kernels ends in time; default performance.now. */
  now?: () => number;
  /** Text in place of that of shader files, to see what wrong kernels do. */
  shaders?: Record<string, string>;
  /** Where it is kept what the parts of models cost on an adapter. */
  gpuCosts?: GpuCostRecords;
  /** Of the machine, if the default budget may be up to half of it; without, it is what is safe in a page. */
  memoryBytes?: number;
}

export interface EngineOptions extends LoadOptions {
  /** As `variant` of text, as an earlier load chose them. */
  choice?: KernelChoice;
  /** Keep room for the logits of every token. */
  allLogits?: boolean;
  /** For measurements: see ModelOptions. */
  loader?: ModelOptions['loader'];
  readDelay?: number;
  tokensPerSubmit?: ModelOptions['tokensPerSubmit'];
}

export interface Engine {
  load(source: ModelSource | ByteSource, options?: EngineOptions, onProgress?: (progress: LoadProgress) => void): Promise<ModelInfo>;
  generate(request: GenerateRequest, onTokens: (tokens: Token[], text: string) => void, signal?: AbortSignal): Promise<{ reason: FinishReason; stats: GenerateStats }>;
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

export interface Loaded {
  model: LoadedModel;
  runner: Runner;
  session: Session;
  text: Text | undefined;
  info: ModelInfo;
  /** Milliseconds from the call of `load` until each part was ready. */
  readyMs: Record<LoadPart, number>;
}

/** `error`, or why it came where the device was lost: the news may follow the failure. */
const explain = async (device: GPUDevice, error: unknown): Promise<unknown> =>
  [BudgetError, DeviceError, RequestError].some((Class) => error instanceof Class) ? error : ((await lossOf(device, 50)) ?? error);

const defaultContext = 4096;

export function createEngine(host: Host): Engine {
  let loaded: Loaded | undefined;
  let queue: Promise<unknown> = Promise.resolve();
  let release = async (): Promise<void> => {}; // of the stored model that is loaded
  let cost: StoreCost | undefined; // of reading the store
  const gate = createGate();
  /** Requests share one cache of keys and values, so they wait for each other. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = queue.then(work, work);
    queue = result.catch(() => {});
    return result;
  };

  async function unloadNow(): Promise<void> {
    const model = loaded?.model;
    loaded = undefined;
    await model?.destroy();
    model?.gpu.device.destroy();
    await release();
    release = async () => {};
  }

  function needLoaded(): Loaded {
    if (!loaded) throw new RequestError('No model is loaded. Load one first.', { code: 'not_loaded' });
    return loaded;
  }

  async function load(given: ModelSource | ByteSource, options: EngineOptions, onProgress?: (progress: LoadProgress) => void): Promise<ModelInfo> {
    await unloadNow();
    const begun = performance.now();
    const readyMs = { choice: 0, weights: 0, programs: 0 };
    const report = reporter(onProgress);
    report({ phase: 'header' });
    const found = await findModel(given, options, host.store);
    if (found.notice) report({ notice: found.notice });
    const opened = openModel(found.files.header);
    const text = textOf(opened);
    const gpu = await openGpu(host.gpu, host.deviceOptions);
    const stop = new AbortController(); // ends the import if the load cannot go on
    void gpu.device.lost.then(() => stop.abort());
    const timing = createGate(); // open when nothing is timed on this thread
    let opening: Promise<OpenedWeights> | undefined;
    try {
      const kernels = createKernelCache(gpu.device, host.shaders);
      const untuned = options.choice ?? choiceFor(gpu, options);
      const given = options.choice !== undefined || options.variant !== undefined;
      const chooser = !given && gpu.computes ? await createChooser(gpu, kernels, opened, { choice: untuned, kv: kvFormatFor(options) }, host.tuning, { exact: options.f32, anew: options.retune, now: host.now }) : undefined;
      const choose = chooser && {
        ...chooser,
        async first(ledger: Ledger) {
          const chosen = await chooser.first(ledger);
          timing.set(false);
          return chosen;
        },
      };
      const modelOptions: ModelOptions = { ...optionsFor(opened, gpu, options, untuned, host.memoryBytes), storeCost: await host.costs?.get('store'), kernels, choose };
      const planned = planFor(gpu, opened, modelOptions);
      if (planned.verdict === 'refused') throw new BudgetError(planned.reason);
      checkUnkept(planned, found, options);
      checkLimits(opened, gpu, { ...modelOptions, chunk: planned.chunk, logitsRows: Math.min(modelOptions.logitsRows, planned.chunk) });
      // While a model is imported, its kernels are chosen and compiled.
      opening = openWeights(found, opened, options, { report, gate: gate.passed, hold: timing.passed, signal: stop.signal });
      opening.catch(() => {}); // told by the load, which waits for it
      const loading = options.budgetBytes === undefined ? loadByGuess : loadModel;
      const model = await loading(gpu, opened, readerToCome(opening.then(({ reader }) => reader)), modelOptions, {
        onSlab: (loadedBytes, totalBytes) => report({ phase: 'weights', loadedBytes, totalBytes }),
        signal: stop.signal,
        onReady(part) {
          readyMs[part] = performance.now() - begun;
          if (part === 'choice') timing.set(true);
          if (part === 'weights' && !readyMs.programs) report({ phase: 'kernels' });
        },
      });
      const { id } = await opening;
      const loss = await lossOf(gpu.device); // calls on a lost device succeed and do nothing
      if (loss) throw loss;
      const runner = createRunner(model);
      const warnings = [...(chooser?.warnings() ?? []), ...(text?.template.notices ?? []), ...(text?.tokenizer.notices ?? [])];
      if (warnings.length) report({ notice: warnings.join('\n') });
      const info = { ...describe(opened, model, id, found.files.source.name), promptEnd: text && endOfPrompt(text.template), thinking: text && thinkingSwitch(text.template), warnings };
      loaded = { model, runner, text, session: createSession(model, runner, text), info, readyMs };
      report({ phase: 'ready', loadedBytes: opened.layout.byteLength, totalBytes: opened.layout.byteLength });
      return info;
    } catch (error) {
      const reported = await explain(gpu.device, error);
      stop.abort();
      timing.set(true);
      await opening?.catch(() => {}); // what came of an import is kept
      gpu.device.destroy();
      await release();
      throw reported;
    }
  }

  async function openWeights(found: FoundModel, opened: OpenedModel, options: EngineOptions, control: ImportControl): Promise<OpenedWeights> {
    const weights = await openReader(host, options, found, opened, control);
    if (weights.fromStore) release = await holdStored(host, weights.id);
    await control.hold?.();
    cost = await storeCost(host, weights.id);
    control.report({ phase: 'weights', loadedBytes: 0, totalBytes: opened.layout.byteLength, fromStore: weights.fromStore });
    return weights;
  }

  async function generate(...request: Parameters<Engine['generate']>): ReturnType<Engine['generate']> {
    const { session, model } = needLoaded();
    try {
      return await session.generate(...request);
    } catch (error) {
      throw await explain(model.gpu.device, error);
    }
  }

  return {
    load: (source, options = {}, onProgress) => inTurn(() => load(source, options, onProgress)),
    generate: (request, onTokens, signal) => inTurn(() => generate(request, onTokens, signal)),
    loaded: needLoaded,
    stats() {
      const { model, runner } = needLoaded();
      return { gpuBytes: { ...model.ledger.bytes }, gpuBytesPeak: model.ledger.peakBytes, budgetBytes: model.ledger.budgetBytes, submits: runner.submits, keptBytes: model.plan.keptBytes, streamedBytes: model.plan.streamedBytes, memoryBytes: model.memory.byteLength, transfer: runner.transfer(), readyMs: needLoaded().readyMs, storeCost: cost };
    },
    models: async () => ((await host.store?.manifests()) ?? []).map(describeStored),
    remove: (id) => whileUnused(host.locks, id, async () => host.store?.remove(id)),
    async importModel(source, options = {}, onProgress) {
      if (!host.store) throw new RequestError('Nothing is kept here: there is no storage to import into.');
      const report = reporter(onProgress);
      report({ phase: 'header' });
      const found = await findModel(source, options, host.store);
      const opened = openModel(found.files.header);
      const manifest = found.manifest ?? (await ensureStored(host, options, found, opened, { report, gate: gate.passed }));
      report({ phase: 'ready', loadedBytes: opened.layout.byteLength, totalBytes: opened.layout.byteLength });
      return describeStored(manifest);
    },
    pauseImports: (paused) => gate.set(!paused),
    verify: (id, options = {}) => verifyStored(host, id, options),
    unload: () => inTurn(unloadNow),
    inTurn,
  };
}

/** `memoryBytes`: see `Host`. */
export function optionsFor({ graph }: OpenedModel, { device, software }: Pick<Gpu, 'device' | 'software'>, options: EngineOptions, choice: KernelChoice, memoryBytes?: number): ModelOptions {
  const { budgetBytes = defaultBudget(device.limits, { deviceMemory: deviceMemory(), memoryBytes, software }), ramBytes, loader, readDelay, tokensPerSubmit, context, allLogits } = options;
  const most = graph.config.context;
  if (tokensPerSubmit !== undefined && !(Number.isInteger(tokensPerSubmit) && tokensPerSubmit >= 1 && tokensPerSubmit <= mostPerSubmit)) throw new RequestError(`tokensPerSubmit is ${tokensPerSubmit}; it has to be a whole number from 1 to ${mostPerSubmit}.`);
  if (Number.isNaN(budgetBytes)) throw new RequestError('The budget is NaN; it has to be a number of bytes.');
  if (context !== undefined && !(Number.isInteger(context) && context >= 1)) throw new RequestError(`The context is ${context}; it has to be a whole number of at least 1.`);
  if (context !== undefined && context > most) throw new RequestError(`A context of ${context} was asked for; the model was trained for ${most}. Choose one up to that.`);
  // Logits of all tokens are for measurements, and large.
  const chunk = allLogits ? 128 : options.variant !== undefined || options.choice ? choice.chunk : Math.max(...chunks);
  return { budgetBytes, context: context ?? Math.min(most, defaultContext), chunk, logitsRows: allLogits ? chunk : 1, choice, kv: kvFormatFor(options), ramBytes, loader, readDelay, tokensPerSubmit };
}

const describeStored = ({ id, name, slabBytes, files, lastUsed, complete, urls, encryption }: Manifest): StoredModel => ({
  id, name, urls, lastUsed, complete,
  byteLength: slabBytes.reduce((a, b) => a + b, 0),
  fileBytes: files.reduce((sum, file) => sum + file.byteLength, 0),
  sha256: complete && files.every((file) => file.sha256) ? files.map((file) => file.sha256!) : undefined,
  encrypted: encryption && (encryption.wrapped ? 'passphrase' : 'key'),
});

/** Progress with what was not said left as it was last. */
function reporter(onProgress?: (progress: LoadProgress) => void): (progress: Partial<LoadProgress>) => void {
  let last: LoadProgress = { phase: 'header', loadedBytes: 0, totalBytes: 0, fromStore: false };
  return (progress) => {
    last = { ...last, bytesPerSecond: undefined, secondsLeft: undefined, waiting: undefined, ...progress };
    onProgress?.(last);
  };
}

function textOf({ header }: OpenedModel): Text | undefined {
  if (!header.metadata.has('tokenizer.ggml.model')) return undefined;
  const tokenizer = createTokenizer(header.metadata);
  return { tokenizer, template: createTemplate(header.metadata, tokenizer) };
}

function describe({ header, graph }: OpenedModel, { gpu, options }: LoadedModel, id: string, sourceName: string): ModelInfo {
  let parameters = 0;
  for (const tensor of header.tensors.values()) parameters += tensor.shape.reduce((a, b) => a * b, 1);
  return {
    id, name: nameOf(header, sourceName), architecture: graph.config.architecture, parameters, context: options.context, trainedContext: graph.config.context, fileBytes: header.fileBytes,
    adapter: gpu.adapterName, device: factsOf(gpu), variants: describeChoice(options.choice), kv: options.kv.name,
  };
}
