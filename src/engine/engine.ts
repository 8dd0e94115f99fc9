// What a worker (or Node) hosts: loads models and answers requests, one after the other.
import { BudgetError, DeviceError, RequestError } from '../errors.ts';
import { type ByteSource } from '../gguf/source.ts';
import { readHeader } from '../gguf/parse.ts';
import { getString } from '../gguf/metadata.ts';
import { type DeviceOptions, lossOf, openGpu } from '../gpu/device.ts';
import { type EngineStats, type FinishReason, type GenerateRequest, type GenerateStats, type LoadOptions, type LoadProgress, type ModelInfo, type ModelSource, type StoredModel } from '../protocol.ts';
import { createTemplate } from '../text/template.ts';
import { createTokenizer } from '../text/tokenizer.ts';
import { layoutVersion } from '../weights/layout.ts';
import { type WeightsReader, importingReader, sourceReader, storedReader } from '../weights/reader.ts';
import { bytesSource, fileSource, sizedSource } from '../weights/source.ts';
import { type Manifest, type Store, sha256 } from '../weights/store.ts';
import { urlSource } from '../weights/url-source.ts';
import { checkLimits } from './limits.ts';
import { type LoadedModel, type ModelOptions, type OpenedModel, type Tuning, loadModel, openModel } from './load.ts';
import { plan } from './plan.ts';
import { type Runner, createRunner } from './runner.ts';
import { type Session, type Text, createSession } from './session.ts';
import { defaultShapes, parseShapes } from './shapes.ts';

/** What the engine needs of the place it runs in. */
export interface Host {
  gpu: GPU | undefined;
  /** Undefined where nothing is kept, as in Node. */
  store?: Store;
  deviceOptions?: DeviceOptions;
  /** Where measured shapes are kept. */
  tuning?: Tuning;
}

export interface EngineOptions extends LoadOptions {
  /** Shapes to use in place of those chosen, as `parseShapes` reads them. */
  variant?: string;
  /** Keep room for the logits of every token. */
  allLogits?: boolean;
}

export interface Engine {
  load(source: ModelSource | ByteSource, options?: EngineOptions, onProgress?: (progress: LoadProgress) => void): Promise<ModelInfo>;
  generate(request: GenerateRequest, onTokens: (ids: number[], text: string) => void, signal?: AbortSignal): Promise<{ reason: FinishReason; stats: GenerateStats }>;
  /** What is loaded; RequestError if nothing is. */
  loaded(): Loaded;
  stats(): EngineStats;
  models(): Promise<StoredModel[]>;
  remove(id: string): Promise<void>;
  unload(): Promise<void>;
}

export interface Loaded {
  model: LoadedModel;
  runner: Runner;
  session: Session;
  text: Text | undefined;
  info: ModelInfo;
}

/** `error`, or why it came where the device was lost: the news may follow the failure. */
const explain = async (device: GPUDevice, error: unknown): Promise<unknown> =>
  [BudgetError, DeviceError, RequestError].some((Class) => error instanceof Class) ? error : ((await lossOf(device, 50)) ?? error);

/** Without a budget named: what nearly every device that has WebGPU can give. */
const defaultBudgetBytes = 4 * 2 ** 30;
const defaultContext = 4096;

export function createEngine(host: Host): Engine {
  let loaded: Loaded | undefined;
  let queue: Promise<unknown> = Promise.resolve();
  /** Requests share one cache of keys and values, so they wait for each other. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = queue.then(work, work);
    queue = result.catch(() => {});
    return result;
  };

  function unloadNow(): void {
    loaded?.model.destroy();
    loaded?.model.gpu.device.destroy();
    loaded = undefined;
  }

  function needLoaded(): Loaded {
    if (!loaded) throw new RequestError('No model is loaded. Load one first.');
    return loaded;
  }

  async function load(given: ModelSource | ByteSource, options: EngineOptions, onProgress?: (progress: LoadProgress) => void): Promise<ModelInfo> {
    unloadNow();
    const report = (phase: LoadProgress['phase'], loadedBytes: number, totalBytes: number, fromStore: boolean) => onProgress?.({ phase, loadedBytes, totalBytes, fromStore });
    report('header', 0, 0, false);
    const { source, manifest, url } = await findSource(given, options.keep === false ? undefined : host.store);
    const header = await readHeader(source);
    const opened = openModel(header);
    const text = textOf(opened);
    const gpu = await openGpu(host.gpu, host.deviceOptions);
    try {
      const shapes = defaultShapes(gpu, options);
      const modelOptions: ModelOptions = {
        ...optionsFor(opened, options, parseShapes(options.variant ?? '', shapes)),
        tune: options.variant === undefined ? (host.tuning ?? true) : undefined,
      };
      const planned = plan(opened, { ...modelOptions, cache: modelOptions.shapes.cache });
      if (planned.verdict === 'refused') throw new BudgetError(planned.reason);
      checkLimits(opened, gpu, modelOptions);
      const { reader, id } = await openReader(host, options, source, opened, manifest, url);
      const model = await loadModel(gpu, opened, reader, modelOptions, {
        onSlab: (loadedBytes, totalBytes) => report('weights', loadedBytes, totalBytes, reader.fromStore),
      });
      const loss = await lossOf(gpu.device); // calls on a lost device succeed and do nothing
      if (loss) throw loss;
      const runner = createRunner(model);
      const info = describe(opened, model, id, source.name);
      loaded = { model, runner, text, session: createSession(model, runner, text), info };
      report('ready', opened.layout.byteLength, opened.layout.byteLength, reader.fromStore);
      return info;
    } catch (error) {
      const reported = await explain(gpu.device, error);
      gpu.device.destroy();
      throw reported;
    }
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
      return { gpuBytes: { ...model.ledger.bytes }, gpuBytesPeak: model.ledger.peakBytes, budgetBytes: model.ledger.budgetBytes, submits: runner.submits };
    },
    async models() {
      const manifests = (await host.store?.manifests()) ?? [];
      return manifests.map(({ id, name, slabBytes, lastUsed, complete, urls }) => ({ id, name, urls, byteLength: slabBytes.reduce((a, b) => a + b, 0), lastUsed, complete }));
    },
    remove: async (id) => host.store?.remove(id),
    unload: () => inTurn(async () => unloadNow()),
  };
}

export function optionsFor({ graph }: OpenedModel, { budgetBytes = defaultBudgetBytes, context, allLogits }: EngineOptions, shapes: ModelOptions['shapes']): ModelOptions {
  const most = graph.config.context;
  if (Number.isNaN(budgetBytes)) throw new RequestError('The budget is NaN; it has to be a number of bytes.');
  if (context !== undefined && !(Number.isInteger(context) && context >= 1)) throw new RequestError(`The context is ${context}; it has to be a whole number of at least 1.`);
  if (context !== undefined && context > most) throw new RequestError(`A context of ${context} was asked for; the model was trained for ${most}. Choose one up to that.`);
  const chunk = 128;
  return { budgetBytes, context: context ?? Math.min(most, defaultContext), chunk, logitsRows: allLogits ? chunk : 1, shapes };
}

interface FoundSource {
  source: ByteSource;
  manifest?: Manifest;
  url?: string;
}

/** The bytes to load from, and what the store already knows of them. */
async function findSource(given: ModelSource | ByteSource, store: Store | undefined): Promise<FoundSource> {
  if ('read' in given) return { source: given };
  if ('bytes' in given) return { source: bytesSource(new Uint8Array(given.bytes), given.name ?? 'model.gguf') };
  if ('file' in given) return { source: fileSource(given.file) };
  const manifests = (await store?.manifests()) ?? [];
  if ('stored' in given) {
    const manifest = manifests.find((m) => m.id === given.stored);
    if (!manifest) throw new RequestError(`There is no stored model ${given.stored}.`);
    return { source: headerSource(manifest), manifest };
  }
  const manifest = manifests.find((m) => m.urls.includes(given.url) && m.complete && m.layoutVersion === layoutVersion);
  return manifest ? { source: headerSource(manifest), manifest, url: given.url } : { source: urlSource(given.url), url: given.url };
}

/** A stored model as a source of its header alone. */
const headerSource = ({ name, fileBytes, header }: Manifest): ByteSource => sizedSource(name, fileBytes, async (offset, length) => header.slice(offset, offset + length));

async function openReader(host: Host, options: EngineOptions, source: ByteSource, { header, graph, layout }: OpenedModel, manifest: Manifest | undefined, url: string | undefined): Promise<{ reader: WeightsReader; id: string }> {
  if (manifest && host.store) return { reader: storedReader(host.store, manifest), id: manifest.id };
  const headerBytes = new Uint8Array(await source.read(0, header.headerBytes));
  const id = (await sha256(headerBytes)).slice(0, 16);
  if (!host.store || options.keep === false) return { reader: sourceReader(source, header, layout), id };
  const known = await host.store.manifest(id);
  if (known?.complete && known.layoutVersion === layoutVersion) {
    const urls = url && !known.urls.includes(url) ? [...known.urls, url] : known.urls;
    return { reader: storedReader(host.store, { ...known, urls }), id };
  }
  const about = { id, name: nameOf(header, source.name), urls: url ? [url] : [], header: headerBytes };
  return { reader: await importingReader(host.store, source, header, layout, about, graph.hostTensors), id };
}

const nameOf = (header: OpenedModel['header'], fallback: string): string => getString(header.metadata, 'general.name', fallback.split('/').at(-1) ?? fallback);

function textOf({ header }: OpenedModel): Text | undefined {
  if (!header.metadata.has('tokenizer.ggml.model')) return undefined;
  const tokenizer = createTokenizer(header.metadata);
  return { tokenizer, template: createTemplate(header.metadata, tokenizer) };
}

function describe({ header, graph }: OpenedModel, { gpu, options }: LoadedModel, id: string, sourceName: string): ModelInfo {
  let parameters = 0;
  for (const tensor of header.tensors.values()) parameters += tensor.shape.reduce((a, b) => a * b, 1);
  return {
    id, name: nameOf(header, sourceName), architecture: graph.config.architecture, parameters, context: options.context, fileBytes: header.fileBytes,
    adapter: gpu.adapterName, variants: Object.fromEntries(Object.entries(options.shapes).map(([name, value]) => [name, String(value)])),
  };
}
