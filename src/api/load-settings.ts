// What a load is asked for: checked here, before it goes to the worker.
import { RequestError, shown } from '../errors.ts';
import { kvName } from '../kv/policies/names.ts';
import { type AdapterOptions, type ExpertsRead, type GateActivation, type KvType, type LoadOptions, type ModelSource } from '../protocol.ts';
import { parseBytes } from '../bytes.ts';
import { number, oneOf } from './completions/number.ts';
import { absolute, toModelSource } from './model-source.ts';

/** What concerns the way of a model into the browser's storage. */
export interface ImportSettings {
  /** SHA-256 of the file, or of each part of a split model, in hexadecimal: checked while it is imported. A stored model with another one is another file. */
  sha256?: string | string[];
  /** Bytes of the file, or of all parts together. A stored model of another size is another file. */
  fileBytes?: number;
  /** Requests at once. Default 4. */
  connections?: number;
  /** Keep the weights encrypted, under a key for AES-GCM or a passphrase; needed again to load them. See docs/encryption.md. */
  encryption?: { key: CryptoKey } | { passphrase: string };
  /**
   * What of a mixture whose experts have ReLU gates (SmallThinker) is fetched where not all of them fit: `whole` experts, or single `neurons`. It is
   * chosen when a model is stored. Default: as it is stored, else `whole`.
   */
  experts?: ExpertsRead;
  /** What gates of feed-forward layers go through, `silu` or `relu`, for a llama whose file does not say it (ReluLLaMA). Default: as it says, else SiLU. */
  activation?: GateActivation;
  /** Address of the model hub. Default https://huggingface.co. */
  hub?: string;
}

/** What a load is asked for, beside the model and how its progress is told. */
export interface LoadSettings extends ImportSettings {
  /** Most GPU bytes, as a number or as `2GiB`. Default: a share of what the adapter allows. */
  budget?: number | string;
  /** Most bytes of weights kept in memory, of those that do not stay on the GPU, as `budget`. Default 256 MiB. */
  ram?: number | string;
  /** Most positions of a conversation. Default: the model's own, at most 4096. */
  context?: number;
  /**
   * Conversations that there is room for at their full length at the same time, 1 to 64. Default 1: several share the room of one, and the
   * latest waits or gives way where it is short.
   */
  sequences?: number;
  /**
   * Guesses the next tokens of an answer and checks several in a step, where that is faster; answers are the same. `true`: from what was said before.
   * Or how: `lookup` (from what was said, default true), `shortContext` (by the same weights from so many tokens of a longer text),
   * `draft` (by another, smaller model of the same vocabulary, named as a model is); with bounds: most guesses of a step (1 to 7), most GPU bytes that
   * their rows may take. Default: nothing is guessed.
   */
  speculation?: boolean | {
    lookup?: boolean;
    shortContext?: number;
    draft?: string | File | File[] | ArrayBuffer | ModelSource;
    most?: number;
    budgetBytes?: number | string;
  };
  /** Most requests that are under way or wait; what comes then is refused with `queue_full`. Default 4096. */
  queue?: number;
  /** Keys, values and all arithmetic in f32: the most exact path. */
  f32?: boolean;
  /**
   * Keys and values in 4, 2 or 1 bytes: `f32`, `f16` or `q8`. Default `f16`, with `f32` that. Or a policy that keeps them in fewer bits or forgets what
   * is old: `kivi4`, `kivi3`, `kivi2`, `q4`, `q2`, `streaming`, `h2o`, `snapkv`, `duo-kivi` and others (docs/kv.md).
   */
  kv?: KvType;
  /** Settings of the policy, by name. */
  kvOptions?: Record<string, number>;
  /** Of each layer how far back each key/value head looks, for the policies that tell heads apart. Default: as measured by the first load (docs/kv.md). */
  kvHeads?: number[][];
  /**
   * LoRA adapters, GGUFs as llama.cpp's convert_lora_to_gguf.py writes them, added to the model while it runs: where each comes from, and what multiplies
   * it (default 1). They are read at each load and are not stored.
   */
  adapters?: { source: string | File | ArrayBuffer | AdapterOptions['source']; scale?: number }[];
  /** Most GPU bytes of keys and values, of all conversations together, as `budget`. Default: as the context needs them. */
  kvBudget?: number | string;
  /** Measure and test again which kernels suit this adapter, though it is known from before: after an update of the driver, say. */
  retune?: boolean;
  /** Choice of kernels to use, as in `splits=1,prefill=rows` (docs/performance.md), in place of those chosen; nothing is measured or tested then. */
  kernels?: string;
  /** Keep the weights in the browser's storage. Default true. */
  keep?: boolean;
}

export function toLoadOptions(options: LoadSettings): LoadOptions {
  return {
    ...toImportSettings(options),
    budgetBytes: options.budget === undefined ? undefined : parseBytes(options.budget, 'budget'),
    ramBytes: options.ram === undefined ? undefined : parseBytes(options.ram, 'ram'),
    context: number('context', options.context, { from: 1, to: 2 ** 31 - 1, integer: true }),
    sequences: number('sequences', options.sequences, { from: 1, to: 64, integer: true }),
    speculation: toSpeculation(options.speculation),
    queue: number('queue', options.queue, { from: 1, to: 2 ** 31 - 1, integer: true }),
    f32: options.f32,
    kv: options.kv === undefined ? undefined : kvName(options.kv),
    kvOptions: toKvOptions(options.kvOptions),
    kvHeads: toKvHeads(options.kvHeads),
    adapters: toAdapters(options.adapters),
    kvBudgetBytes: options.kvBudget === undefined ? undefined : parseBytes(options.kvBudget, 'kvBudget'),
    retune: options.retune,
    kernels: options.kernels,
    keep: options.keep,
  };
}

function toKvOptions(given: LoadSettings['kvOptions']): LoadOptions['kvOptions'] {
  if (given === undefined) return undefined;
  if (typeof given !== 'object' || given === null) throw new RequestError(`kvOptions is ${shown(given)}; it must be an object of numbers.`);
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, number(`kvOptions.${name}`, value, { from: 0, to: 2 ** 31 - 1 })!]));
}

function toKvHeads(given: LoadSettings['kvHeads']): LoadOptions['kvHeads'] {
  if (given === undefined) return undefined;
  if (!Array.isArray(given) || !given.every((row) => Array.isArray(row) && row.every((score) => Number.isFinite(score))))
    throw new RequestError(`kvHeads is ${shown(given)}; it must be a list of lists of numbers: of each layer the scores of its key/value heads.`);
  return given;
}

function toAdapters(given: LoadSettings['adapters']): LoadOptions['adapters'] {
  if (given === undefined) return undefined;
  if (!Array.isArray(given)) throw new RequestError(`adapters is ${shown(given)}; it must be a list of { source, scale }.`);
  return given.map((each, i) => {
    const source = toModelSource(each?.source, `adapters[${i}].source`);
    if ('files' in source || 'stored' in source)
      throw new RequestError(`adapters[${i}].source is ${shown(each.source)}; it must be one file: adapters are not stored, and are in one part.`);
    return { source, scale: number(`adapters[${i}].scale`, each.scale, { from: -1e6, to: 1e6 }) };
  });
}

function toSpeculation(asked: LoadSettings['speculation']): LoadOptions['speculation'] {
  if (!asked) return undefined;
  if (asked === true) return {};
  if (typeof asked !== 'object') throw new RequestError(`speculation is ${shown(asked)}; it must be true, false or an object.`);
  return {
    lookup: asked.lookup,
    draft: asked.draft === undefined ? undefined : toModelSource(asked.draft, 'speculation.draft'),
    shortContext: number('speculation.shortContext', asked.shortContext, { from: 128, to: 2 ** 31 - 1, integer: true }),
    most: number('speculation.most', asked.most, { from: 1, to: 7, integer: true }),
    budgetBytes: asked.budgetBytes === undefined ? undefined : parseBytes(asked.budgetBytes, 'speculation.budgetBytes'),
  };
}

function toImportSettings({ sha256, fileBytes, connections, encryption, experts, activation, hub }: ImportSettings): ImportSettings {
  for (const hash of [sha256 ?? []].flat()) {
    if (!/^[0-9a-f]{64}$/i.test(hash)) throw new RequestError(`sha256 is ${shown(hash)}; it must be 64 hexadecimal digits.`);
  }
  return {
    sha256, encryption,
    experts: oneOf('experts', experts, ['whole', 'neurons']),
    activation: oneOf('activation', activation, ['silu', 'relu']),
    fileBytes: number('fileBytes', fileBytes, { from: 1, to: Number.MAX_SAFE_INTEGER, integer: true }),
    connections: number('connections', connections, { from: 1, to: 16, integer: true }),
    hub: hub === undefined ? undefined : absolute(hub).replace(/\/$/, ''),
  };
}
