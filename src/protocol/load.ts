// How a model is loaded: where it comes from, with what options, and what is told meanwhile. Types only.

/** Where a model comes from. Bytes are transferred, not copied. */
export type ModelSource =
  | { url: string }
  | { file: File }
  /** All parts of a split model. */
  | { files: File[] }
  | { bytes: ArrayBuffer; name?: string }
  /** `owner/repo` or `owner/repo:quantisation` on a model hub. The token goes to the hub alone and is not kept. */
  | { repo: string; token?: string }
  | { stored: string };

/**
 * Name of a policy of keys and values (docs/kv.md), or of a format:
 * `f32`, `f16`, or `q8`, which has a scale per token and head and takes 0.53 times the bytes of `f16`
 * for heads of 64. Others are refused with a list of those that there are.
 */
export type KvType = string;

/** How next tokens are guessed, to be checked several in a step, and how many; of several ways the one that pays best is taken, by what is measured. */
export interface SpeculationOptions {
  /** Looks guesses up in what was said before. Default true. */
  lookup?: boolean;
  /**
   * Most tokens of a shortened text from which the same weights guess (RAPID), where a text is longer: at least 128, fewer than the context. It has
   * keys and values of its own, within the budget. Default: none.
   */
  shortContext?: number;
  /**
   * Another model that guesses: a smaller one of the same vocabulary, all of it on the GPU within the same budget. It is kept in storage as the model is.
   * Bytes are copied. Default: none.
   */
  draft?: ModelSource;
  /** Most guesses of a step, 1 to 7. Default 7; fewer where measured times say so. */
  most?: number;
  /** Bounds guesses: as many as have room in so many bytes, by a row of logits and activations each. The rows are there in any case: it saves none. */
  budgetBytes?: number;
}

/**
 * A LoRA adapter: a GGUF as llama.cpp's convert_lora_to_gguf.py writes it, for the model's architecture. It is read at each load and not kept in
 * storage. Bytes are copied.
 */
export interface AdapterOptions {
  source: Exclude<ModelSource, { files: File[] } | { stored: string }>;
  /** Multiplies what it adds. Default 1. */
  scale?: number;
}

export type ExpertsRead = 'whole' | 'neurons';
export type GateActivation = 'silu' | 'relu';

export interface LoadOptions {
  /** Most GPU bytes the engine may hold. Default: a share of what the adapter's limits allow. */
  budgetBytes?: number;
  /** Most positions of a conversation. Default: the model's own, at most 4096. */
  context?: number;
  /**
   * Conversations that there is room for at their full length at the same time, 1 to 64. Default 1: several share the room of one, and the
   * latest waits or gives way where it is short.
   */
  sequences?: number;
  /** Most requests that are under way or wait; what comes then is refused. Default 4096. */
  queue?: number;
  /** Keys and values in f32 and no f16 anywhere: the most exact path. */
  f32?: boolean;
  /** How keys and values are kept. Default `f16`, with `f32` that. */
  kv?: KvType;
  /**
   * Guesses the next tokens of an answer, by default from what was said before, and checks several in one step where that is faster; the answer is
   * the same. Models with a recurrent state do without. Default: nothing is guessed.
   */
  speculation?: SpeculationOptions;
  /** Settings of a policy that `kv` names, by name: numbers (docs/kv.md). */
  kvOptions?: Readonly<Record<string, number>>;
  /** Of each layer of keys and values, how far back each of its heads looks: a score, for policies that tell heads apart (docs/kv.md). */
  kvHeads?: readonly (readonly number[])[];
  /** Most bytes of keys and values, of all conversations of the model together. Default: as the context needs them. */
  kvBudgetBytes?: number;
  /** Added to the model's matrices while it runs, all of them together. Default: none. */
  adapters?: readonly AdapterOptions[];
  /**
   * What of a mixture whose experts have ReLU gates (SmallThinker) is fetched where not all of them fit: `whole` experts, or single `neurons`, where
   * gates stay on the GPU. It is chosen when a model is stored. Default: as it is stored, else `whole`.
   */
  experts?: ExpertsRead;
  /** What gates of feed-forward layers go through, for a llama whose file does not say it. Default: as was said when it was stored, else as the file says. */
  activation?: GateActivation;
  /** Most bytes of weights kept in worker memory, of those that do not stay on the GPU. Default 256 MiB. */
  ramBytes?: number;
  /** Measure again which kernels are fast on this adapter and test them again, though it is known from before. */
  retune?: boolean;
  /** When a page of this origin last left a load before its end, by Date.now(): what was being measured then has not failed. */
  leftAt?: number;
  /**
   * Choice of kernels to use, as in `splits=1,prefill=rows`, in place of those chosen; nothing is measured or tested then. For
   * measurements and bug reports.
   */
  kernels?: string;
  /** Keep the weights in the browser's storage. Default true. A model that is there already is read from there all the same. */
  keep?: boolean;
  /** SHA-256 of the file, or of each part, in hexadecimal: checked while it is imported. A stored model with another one is another file. */
  sha256?: string | string[];
  /** Bytes of the file, or of all parts together. A stored model of another size is another file. */
  fileBytes?: number;
  /** Requests at once while importing. Default 4. */
  connections?: number;
  /** Keep the weights encrypted; needed again to load them. The passphrase or key is not stored. */
  encryption?: { key: CryptoKey } | { passphrase: string };
  /** Where the hub is. Default https://huggingface.co. */
  hub?: string;
}

export type LoadPhase = 'header' | 'weights' | 'kernels' | 'ready';

export interface LoadProgress {
  phase: LoadPhase;
  /** Bytes of weights that are ready, of `totalBytes`. */
  loadedBytes: number;
  totalBytes: number;
  /** True if the bytes come from the browser's storage, false if they are downloaded. */
  fromStore: boolean;
  /** While importing: speed over the last seconds, and how long the rest takes at that speed. */
  bytesPerSecond?: number;
  secondsLeft?: number;
  /** Another tab imports the model, and this one waits for it. */
  waiting?: boolean;
  /** Something that a person should know, as that a file had changed and is downloaded anew. */
  notice?: string;
}
