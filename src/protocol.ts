// Everything that crosses the boundary between a page and its worker. Types only: a change here is a change of the API.

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
  /** Most bytes of weights kept in worker memory, of those that do not stay on the GPU. Default 256 MiB. */
  ramBytes?: number;
  /** Measure again which kernels are fast on this adapter and test them again, though it is known from before. */
  retune?: boolean;
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

export interface ModelInfo {
  /** Key in the store. */
  id: string;
  name: string;
  architecture: string;
  parameters: number;
  /** Of them those that a token uses: fewer in a mixture of experts. */
  activeParameters: number;
  /** Positions that a conversation may have as loaded. */
  context: number;
  fileBytes: number;
  /** Positions that the model was trained for: the longest context it can be loaded with. */
  trainedContext?: number;
  /** The last characters of a prompt, where an answer goes on: some templates begin the model's reasoning there. Undefined where there is no template. */
  promptEnd?: string;
  /** Adapter, what it can do, and the chosen kernels, for people. */
  adapter: string;
  device: Record<string, string>;
  kernels: Record<string, string>;
  /** The format of keys and values, under a policy that of the newest: a more exact one than was asked for where its kernels fail on this adapter. */
  kv: KvType;
  /** The policy that keeps keys and values, if one does, with all its options. */
  kvPolicy?: { name: KvType; options: Readonly<Record<string, number>> };
  /** The model that drafts for it, if one does, and the GPU bytes that are planned for all of it. */
  draft?: { name: string; bytes: number };
  /** The LoRA adapters that it was loaded with. */
  adapters?: { name: string; scale: number }[];
  /**
   * Kernels that failed their self-test on this adapter, and special tokens that the file names and does not have, with what is used instead; why
   * nothing is guessed where `speculation` was asked for.
   */
  warnings?: string[];
  /** Undefined where the chat template cannot switch it. */
  thinking?: ThinkingSwitch;
  /** Whether the chat template reads how much to reason, as `reasoning_effort`. */
  reasoningEffort?: boolean;
  /** Of a model that is made for embeddings or, with `rank`, to rank texts. */
  pooling?: Pooling;
  /** How many numbers its vectors have, of a model that is made for embeddings. */
  dimensions?: number;
  /** Which of a reranker's scores tells that a text answers the question. */
  rankedBy?: number;
}

/** How reasoning before the answer is switched. */
export interface ThinkingSwitch {
  /** The boolean variable of the chat template, for `chat_template_kwargs`. */
  variable: string;
  /** Whether the model reasons where nothing is said. */
  unasked: boolean;
  /** As in `ModelInfo`, with it and without. */
  promptEnd: { on: string; off: string };
}

export interface StoredModel {
  id: string;
  name: string;
  /** URLs it was loaded from. */
  urls: string[];
  /** In storage, and of the file or all parts together. */
  byteLength: number;
  fileBytes: number;
  /** SHA-256 of the file, or of each part, if it was given when the model was stored, or a hub told it. */
  sha256?: string[];
  /** Milliseconds since 1970. */
  lastUsed: number;
  complete: boolean;
  /** What opens it, if it is stored encrypted: a passphrase, or a key that the page has. */
  encrypted?: 'passphrase' | 'key';
}

export interface ChatMessage {
  role: 'system' | 'user' | 'assistant' | 'tool';
  content: string;
  /** Of the assistant: functions that it called; `arguments` are an object, as templates want them. */
  tool_calls?: { id: string; type: 'function'; function: { name: string; arguments: unknown } }[];
  /** Of a function's result: the call that it answers, and the function's name. */
  tool_call_id?: string;
  name?: string;
  /** Of the assistant: what it thought before it answered. */
  reasoning_content?: string;
  /** Of the assistant, as the last message: the beginning of the answer, which goes on from there. */
  prefix?: true;
}

/** Functions that an answer may call. */
export interface ToolRequest {
  tools: { name: string; description?: string; parameters?: unknown }[];
  /** Whether it has to call one. */
  required: boolean;
  /** Whether it may call several. */
  parallel: boolean;
}

/** A piece of a call: the id and the name come first, then the arguments, which together are JSON. */
export interface ToolCallDelta {
  /** Of the calls of an answer, from 0. */
  index: number;
  id?: string;
  name?: string;
  arguments: string;
}

/** What an answer says beside its text, where it is asked to be taken apart. */
export interface Said {
  reasoning?: string;
  calls?: ToolCallDelta[];
}

/** "Don't repeat yourself": tokens that would go on with what was said before become less likely, as llama.cpp has it. */
export interface DryOptions {
  /** Of what is taken off a logit; 0 asks for nothing. 0 to 100. */
  multiplier: number;
  /** To the power of the tokens as before beyond `allowedLength`. 1 to 100, default 1.75. */
  base?: number;
  /** Tokens that may be as before at no cost. 0 to 1024, default 2. */
  allowedLength?: number;
  /** Tokens that are looked back at, those of the prompt too; -1 (default): all. */
  last?: number;
  /** Texts behind which a repetition begins anew. Default: a line break, a colon, a double quote, an asterisk. */
  breakers?: string[];
}

/** Applied in llama.cpp's order: bias, penalties, DRY, top-k, typical-p, top-p, min-p, XTC, temperature. */
export interface SamplingOptions {
  /** 0 takes the most likely token. Default 0. */
  temperature?: number;
  /** Keeps the k most likely tokens; 0 keeps all. Default 0. */
  topK?: number;
  /** Keeps the most likely tokens until their probabilities reach p; 1 keeps all. Default 1. */
  topP?: number;
  /** Drops tokens less likely than this share of the most likely one; 0 drops none. Default 0. */
  minP?: number;
  /** Keeps the tokens whose information lies closest to the mean until their probabilities pass this. 1 (default) keeps all. */
  typicalP?: number;
  /** How often, 0 to 1, the most likely tokens go, all but the least likely of those that reach `xtcThreshold`. Default 0. */
  xtcProbability?: number;
  /** A share of the probability, 0 to 0.5. Default 0.1. */
  xtcThreshold?: number;
  /** 32-bit. The same seed gives the same text. Default: random. */
  seed?: number;
  /** For tokens among the last `penaltyLast`, prompt included: divides their logits above 0 and multiplies the others. 0.1 to 10, default 1. */
  repeatPenalty?: number;
  /** Taken off a logit for each time that its token is among them. -2 to 2, default 0. */
  frequencyPenalty?: number;
  /** Taken off a logit once if its token is among them. -2 to 2, default 0. */
  presencePenalty?: number;
  /** Tokens that penalties look back at; -1: all. Default 64. */
  penaltyLast?: number;
  dry?: DryOptions;
  /** Added to the logits of tokens, by id: -100 to 100, up to 1024 of them. */
  logitBias?: Record<number, number>;
  /** Tells how likely each token was, and so many of the most likely ones beside it: 0 to 20. Default: neither. */
  logprobs?: number;
}

export interface TokenLogprob {
  id: number;
  /** Natural logarithm of the probability that the model gave it, before any stage of sampling. */
  logprob: number;
  /** What it stands for, perhaps only part of a character; absent without a tokenizer. */
  bytes?: Uint8Array;
}

/** A chosen token; with what it is and how likely it was if the request asks for `logprobs`. */
export interface Token extends Partial<TokenLogprob> {
  id: number;
  /** The most likely ones, in order. */
  top?: TokenLogprob[];
  /** ln of the probabilities of all tokens in its place, (vocab), where a request asks for `distributions`. */
  all?: Float32Array;
}

/** What a request wishes in time; what it got is in its statistics. Milliseconds. */
export interface Targets {
  /** From the request until the first token. */
  firstTokenMs?: number;
  /** For each token after the first one, on average. */
  tokenMs?: number;
}

/** What came of a target. */
export type TargetMet = {
  targetMs: number;
  /** What it took; undefined where there was no such token. */
  ms?: number;
  met: boolean;
};

/** The state of a conversation that is kept in storage. */
export interface KeptSession {
  name: string;
  /** Id and name of the model that it is of. */
  model: string;
  modelName: string;
  /** Those that the model was loaded with, if any: it goes on with the same ones. */
  adapters?: ModelInfo['adapters'];
  byteLength: number;
  /** Tokens that need not be run again. */
  tokens: number;
  /** Milliseconds since 1970. */
  lastUsed: number;
}

/** The states of conversations, each with an id of the caller's; requests name it as their `session`. */
export interface SessionStates {
  /** Gives `to` a copy of what `id` has on the GPU, where there is room; else it is made anew by its tokens. */
  fork(id: string, to: string): Promise<void>;
  /** Frees what it has on the GPU. */
  close(id: string): Promise<void>;
  /**
   * Keeps its state under a name, and `about` with it, in place of what was there. All that is kept has `mostBytes` at most: the least recently
   * used goes. Undefined where it has no state, as it gave way to others. BudgetError where it does not fit. `compact`: coded, where that is smaller.
   */
  save(id: string, name: string, about: string, mostBytes?: number, compact?: boolean): Promise<KeptSession | undefined>;
  /**
   * Gives `id` a state that was kept, by itself or, where that is expected to be sooner, by running its tokens again. `tokens`: 0 where there is no
   * room for it. RequestError if there is none, or of another model or layout.
   */
  load(name: string, id: string): Promise<{ about: string } & Restored>;
  /** Gives `id` a state that is put together of documents, of which those that are not kept yet are run, each by itself, and kept. */
  compose(id: string, request: ComposeRequest): Promise<Composed>;
  /** What is kept, the least recently used first. */
  list(): Promise<KeptSession[]>;
  remove(name: string): Promise<void>;
}

/** Documents behind the same beginning. */
export interface ComposeRequest {
  /** The prompt of a conversation that has the beginning alone for its system prompt, and that of one with all documents behind it. */
  beginning: Pick<GenerateRequest, 'prompt' | 'tools'>;
  whole: Pick<GenerateRequest, 'prompt' | 'tools'>;
  documents: string[];
  /** One behind the other, or beside each other (the policy `documents`). */
  mode: 'stacked' | 'ape';
  /** The share of tokens that are run again, those that a question looks at most. */
  repair?: { question: string; share: number };
  /** Bytes that all that is kept may have: a document is not kept where other documents cannot make room for it. */
  mostBytes?: number;
  compact?: boolean;
}

/** What was put together: tokens that are there, those that had to be run for documents that were not kept, and those that were run again. */
export interface Composed {
  tokens: number;
  ranTokens: number;
  repairedTokens: number;
}

/** How a conversation that was kept has come back. */
export interface Restored {
  /** Its state was read, or its prompt was run again. */
  by: 'state' | 'prompt';
  /** Tokens that are there; 0 where there is no room for its state, which is made anew as it is asked. */
  tokens: number;
  /** What both were expected to take, where that was measured before. */
  seconds?: { state: number; prompt?: number };
}

/** The form that an answer has: a JSON object, JSON of a schema, or text of a grammar. */
export type ResponseGrammar = { json: true } | { schema: unknown } | { ebnf: string } | { regex: string };

export interface GenerateRequest {
  /** `variables` are those of the chat template, like enable_thinking. */
  prompt: { messages: ChatMessage[]; variables?: Record<string, unknown> } | { text: string } | { tokens: number[] };
  sampling?: SamplingOptions;
  /** Of several texts that are wanted of one prompt, which this is, from 0: its random numbers are its own, also with the same seed. */
  choice?: number;
  /** The same for several that are one to whoever asks: they are one in the queue. */
  request?: string;
  /** Most new tokens. Default: until the model stops or the context is full. */
  maxTokens?: number;
  /**
   * Where the context ends: an error, which is the default; messages without the oldest turns; or `shift`: from time to time all goes but the first
   * few tokens and the latest half of the context, which are run again, also within an answer. That needs `maxTokens`.
   */
  overflow?: 'error' | 'truncate' | 'shift';
  /** Gives the prompt back before the answer, with its log-probabilities if those are asked for; then `maxTokens` may be 0. */
  echo?: boolean;
  /** With `echo` and `logprobs`, of each token of the prompt but the first: how likely all tokens were in its place, as `all`. */
  distributions?: boolean;
  /** Text before which the answer ends. */
  stop?: string[];
  /** What the answer has to be; where `maxTokens` cuts it, the beginning of that. */
  grammar?: ResponseGrammar;
  /** For conversations. */
  tools?: ToolRequest;
  /** Tells what the model thinks before it answers apart from its text; with `tools` that is so anyway. */
  reasoningApart?: boolean;
  /** Whose state on the GPU it goes on from and leaves there; only with it, `maxTokens` may be 0: then the prompt is run but for its last token. */
  session?: string;
  /** Requests of a lower one have their turns first. Default 0. */
  priority?: number;
  targets?: Targets;
}

/** What is to be embedded; a reranker takes a question and a text together. */
export type EmbedInput = { text: string } | { tokens: number[] } | { query: string; document: string };

/** How texts are embedded. */
export interface EmbedRequest {
  /** As of answers. */
  priority?: number;
}

export interface Embedding {
  /** As the model gives it, not normalised: (dim), or of a reranker the probability of each label, or its one score. */
  vector: Float32Array<ArrayBuffer>;
  tokens: number;
  /** Nothing is made: all of the time, with that in the queue, is `prefillMs`. */
  stats: GenerateStats;
}

/** How a model makes one vector of those of all tokens, as its file says: their mean, that of the last one, or a classifier's scores of that. */
export type Pooling = 'mean' | 'last' | 'rank';

/** `tool_calls`: by itself, after it has called functions. */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'abort';

/** Weights that do not stay on the GPU, on their way there. */
export interface TransferStats {
  /** Bytes used that were read from the store or the file, and those that worker memory still had. */
  storeBytes: number;
  memoryBytes: number;
  /** Bytes of weights uploaded for the use. */
  uploadedBytes: number;
  /** Bytes of the input embedding read for the tokens' rows. */
  rowBytes: number;
  /** Milliseconds in which something was read or copied. */
  transferMs: number;
  /** Items that are fetched on demand, experts or neurons: how many were used, and how many of those were on the GPU; bytes brought for the others. */
  itemsUsed: number;
  itemsThere: number;
  itemBytes: number;
  /** How often, and for how many milliseconds, the GPU had nothing to do but wait for weights. */
  stalls: number;
  stallMs: number;
}

export interface GenerateStats {
  promptTokens: number;
  /** Prompt tokens whose keys and values were still there from the call before. */
  cachedTokens: number;
  newTokens: number;
  /** Tokens that were guessed, and those that took no step of their own, as they were guessed rightly: of the answer, nothing behind its end counts. */
  guessedTokens?: number;
  rightTokens?: number;
  /** Messages that were left out, as the conversation was too long. */
  droppedMessages?: number;
  /** Tokens that were left out by `shift`, of the prompt and of what came after it. */
  droppedTokens?: number;
  /** Milliseconds until the first new token, and for all the others. */
  prefillMs: number;
  decodeMs: number;
  gpuBytesPeak: number;
  /** Of the request's targets, those that it named. */
  targets?: { firstToken?: TargetMet; token?: TargetMet };
  /** What happened meanwhile that a person should know, as that the GPU was lost and the model brought back. */
  notices?: string[];
  /**
   * For the prompt and for all tokens after the first, if weights are streamed: all that was moved meanwhile, for requests at the same time too;
   * and what `items` are.
   */
  transfer?: { prefill: TransferStats; decode: TransferStats; items?: OnDemandPlan['of'] };
}

/** What a request's own MessagePort carries to the page. */
export type GenerateEvent =
  | ({ type: 'tokens'; tokens: Token[]; text: string } & Said)
  | { type: 'done'; reason: FinishReason; stats: GenerateStats }
  | { type: 'error'; name: string; message: string; code?: string };

/** What a request's own MessagePort carries to the worker. */
export type GenerateControl = { type: 'stop' };

/** What a policy has kept of a conversation. */
export interface KeptSlots {
  tokens: number;
  /** (layer, kv head): slots that are read. */
  layers: number[][];
  /** Where a policy has pages at home in worker memory. */
  away?: KeptAway;
}

/** Pages of keys and values at home in worker memory. */
export interface KeptAway {
  /** Bytes there. */
  homeBytes: number;
  /** Steps of a token that pages were brought for, and bytes of those: in all, and most of one. */
  tokens: number;
  fetchedBytes: number;
  mostFetchedBytes: number;
  /** Runs of slots that were chosen, and those of them that were not there in time. */
  chosen: number;
  missed: number;
}

export interface EngineStats {
  /** GPU bytes alive now, by purpose, and the most there ever were. */
  gpuBytes: Record<string, number>;
  gpuBytesPeak: number;
  budgetBytes: number;
  submits: number;
  /** Bytes of weights that stay on the GPU, those that go there for every token, and those of them in worker memory. */
  keptBytes: number;
  streamedBytes: number;
  memoryBytes: number;
  /** Since the load, of weights that do not stay on the GPU. */
  transfer: TransferStats;
  /** What was expected of experts or neurons that are fetched on demand; what came is in `transfer`. */
  onDemand?: OnDemandPlan;
  /** Of the conversation that was used last, where a policy shapes what is kept. */
  kept?: KeptSlots;
  /** Milliseconds from the begin of the load until shapes were chosen, weights on the GPU, and kernels compiled. */
  readyMs: { choice: number; weights: number; programs: number };
  /** What a read of the browser's storage costs, once measured: a part for each read and a part for each byte. */
  storeCost?: StoreCost;
}

export interface StoreCost {
  secondsPerRead: number;
  secondsPerByte: number;
}

export interface VerifyResult {
  /** Numbers of parts, from 0, whose bytes were missing or wrong. */
  damaged: number[];
  parts: number;
  /** True if nothing was damaged, or all of it was mended from the model's address. */
  whole: boolean;
}

/** How fast a model will run, from what a few of its parts cost on the GPU and what reads of its weights cost. */
export interface Prediction {
  decodeTokensPerSecond: number;
  /** Of a long prompt, without what attention takes, if there was time to measure that. */
  prefillTokensPerSecond?: number;
  /** What decoding waits for. */
  bound: 'compute' | 'transfer';
  /** Seconds per token: of the GPU's work, and of reading and copying streamed weights; they overlap. */
  computeSeconds: number;
  transferSeconds: number;
  /** Tokens of the conversation so far. */
  position: number;
}

/** Of a mixture whose experts are fetched as they are chosen, or neurons as they are on: what a token is expected to take, on average over a long text. */
export interface OnDemandPlan {
  /** What its items are: neurons are the columns of a feed-forward layer's last matrix. */
  of: 'experts' | 'neurons';
  /** Items in all layers, and how many of them there is room for on the GPU. */
  items: number;
  slots: number;
  /** Those that a token uses, in all layers, and their bytes. */
  used: number;
  usedBytes: number;
  /** Share of them that are on the GPU when they are used, and the bytes of the others, which are fetched. */
  hitRate: number;
  fetchedBytes: number;
  /** Whether that is told by what this model used here lately; else by an assumption on routers. */
  byUse: boolean;
}

/** What keys and values take. */
export interface KeysValuesPlan {
  /** The format, or the policy. */
  kv: KvType;
  /** Of a conversation at its longest. */
  bytes: number;
  /** That one token more takes on the GPU; 0 where a policy keeps so many and no more. */
  bytesPerToken: number;
  /** The longest context that there would be room for, up to what the model was trained for. */
  fits: number;
  /** Of worker memory, where a policy has pages there, of all conversations at their longest; the budget of `ram` is not for those. */
  homeBytes?: number;
}

/** What loading would take, from the file's header alone. */
export interface ModelPlan {
  name: string;
  /** `streams`: some weights go to the GPU for every token, since they do not all fit. */
  verdict: 'fits' | 'streams' | 'refused';
  /** For people, if refused: what does not fit and what would. */
  reason?: string;
  fileBytes: number;
  /** What the browser's storage would keep, and what it has free as far as it tells. */
  storedBytes: number;
  freeBytes?: number;
  /** True if the storage has it already. */
  stored: boolean;
  /** Most GPU bytes alive at once, and how many there may be. */
  totalBytes: number;
  budgetBytes: number;
  /** Bytes of weights that stay on the GPU, and those that go there for every token. */
  keptBytes: number;
  streamedBytes: number;
  /** The model that drafts, if one was named: all that it takes, which is among `totalBytes`. */
  draft?: { name: string; bytes: number };
  context: number;
  keysValues: KeysValuesPlan;
  /** Weights of the model, and of them those that a token uses: fewer in a mixture of experts. */
  parameters: number;
  activeParameters: number;
  /** If experts or neurons are fetched on demand. */
  onDemand?: OnDemandPlan;
  /** Undefined if the model is refused or nothing could be measured. */
  predicted?: Prediction;
  /** What a read of the browser's storage costs, once measured. */
  storeCost?: StoreCost;
}

/** What the device itself can do, by two fixed kernels that the engine does not use. */
export interface DevicePeak {
  /** Bytes read and written per second by copying. */
  copyBytesPerSecond: number;
  /** A fused multiply-add counts as two. */
  flopsPerSecond: number;
}

export interface SelfTestResult {
  name: string;
  passed: boolean;
  /** Why this device cannot run it; it then counts as passed. */
  skipped?: string;
  message?: string;
}

/** A repository that a search of a hub has found, as far as the hub tells. */
export interface HubResult {
  repo: string;
  downloads?: number;
  /** Its conditions have to be accepted on the hub before it can be read. */
  gated: boolean;
  licence?: string;
  parameters?: number;
  /** `general.architecture` of its files. */
  architecture?: string;
}

export interface KnownHubResult extends HubResult {
  /** Whether windrow runs its architecture; left open where the hub does not tell that. */
  supported?: boolean;
}

/** The models of a repository, smallest first. */
export interface HubListing {
  repo: string;
  files: {
    /** Its quantisation, or the name of its file. */
    name: string;
    source: Extract<ModelSource, { repo: string } | { url: string }>;
    bytes: number;
    /** The one that is taken where no quantisation is named. */
    usual?: true;
  }[];
}

/** What the worker exposes through Comlink. `progress` is a MessagePort that carries LoadProgress. */
export interface WorkerEngine {
  /** Repositories of a hub for some words, each with whether windrow knows its architecture, if the hub tells that. */
  searchHub(words: string, hub?: string): Promise<KnownHubResult[]>;
  listHub(repo: string, options?: { hub?: string; token?: string }): Promise<HubListing>;
  /** What loading would take; reads the header only. */
  plan(source: ModelSource, options: LoadOptions): Promise<ModelPlan>;
  load(source: ModelSource, options: LoadOptions, progress: MessagePort | null): Promise<ModelInfo>;
  /** Plans and places the loaded model within another budget, a guessed one by default; its conversations go on. Where that cannot be, it stays as it was. */
  changeBudget(budgetBytes: number | undefined, progress: MessagePort | null): Promise<ModelInfo>;
  /** Resolves when the request has ended; its events, an error too, go through `port`. */
  generate(request: GenerateRequest, port: MessagePort): Promise<void>;
  /** Vectors of texts, in their order; `control` carries GenerateControl, and what is stopped rejects. Takes its turns with requests. */
  embed(inputs: EmbedInput[], control: MessagePort, how?: EmbedRequest): Promise<Embedding[]>;
  /** One of `SessionStates`, by its name. */
  session(call: keyof SessionStates, ...args: unknown[]): Promise<unknown>;
  /** How many tokens a prompt has, by the template of the loaded model. */
  countTokens(prompt: GenerateRequest['prompt']): Promise<number>;
  stats(): Promise<EngineStats>;
  models(): Promise<StoredModel[]>;
  /** Deletes a stored model, an unfinished one too; RequestError while a tab uses it. */
  remove(id: string): Promise<void>;
  /** Puts a model into the browser's storage without loading it. */
  importModel(source: ModelSource, options: LoadOptions, progress: MessagePort | null): Promise<StoredModel>;
  /** Holds back the transfers of imports, or lets them go on. */
  pauseImports(paused: boolean): Promise<void>;
  /** Checks every byte of a stored model, and mends what is damaged from the model's address. */
  verify(id: string, options?: Pick<LoadOptions, 'encryption'>): Promise<VerifyResult>;
  /** Every kernel against plain loops, on a device of its own. Takes seconds on a GPU, minutes in software. */
  selfTest(): Promise<SelfTestResult[]>;
  /** Measured on a device of its own, in about a second on a GPU. */
  peak(): Promise<DevicePeak>;
  unload(): Promise<void>;
}
