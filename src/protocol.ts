// Everything that crosses the boundary between a page and its worker. Types only: a change here is a change of the API.

/** Where a model comes from. Bytes are transferred, not copied. */
export type ModelSource = { url: string } | { file: File } | { bytes: ArrayBuffer; name?: string } | { stored: string };

export interface LoadOptions {
  /** Most GPU bytes the engine may hold. Default: a share of what the adapter's limits allow. */
  budgetBytes?: number;
  /** Most positions of a conversation. Default: the model's own, at most 4096. */
  context?: number;
  /** Keys and values in f32 and no f16 anywhere: the most exact path. */
  f32?: boolean;
  /** Keep the weights in the browser's storage. Default true. */
  keep?: boolean;
}

export type LoadPhase = 'header' | 'weights' | 'kernels' | 'ready';

export interface LoadProgress {
  phase: LoadPhase;
  /** Bytes of weights that are ready, of `totalBytes`. */
  loadedBytes: number;
  totalBytes: number;
  /** True if the bytes come from the browser's storage, false if they are downloaded. */
  fromStore: boolean;
}

export interface ModelInfo {
  /** Key in the store. */
  id: string;
  name: string;
  architecture: string;
  parameters: number;
  /** Positions that a conversation may have as loaded. */
  context: number;
  fileBytes: number;
  /** Adapter and chosen kernel variants, for people. */
  adapter: string;
  variants: Record<string, string>;
}

export interface StoredModel {
  id: string;
  name: string;
  /** URLs it was loaded from. */
  urls: string[];
  byteLength: number;
  /** Milliseconds since 1970. */
  lastUsed: number;
  complete: boolean;
}

export interface ChatMessage {
  role: 'system' | 'user' | 'assistant' | 'tool';
  content: string;
}

/** In the order they are applied: top-k, top-p, min-p, temperature (llama.cpp's order). */
export interface SamplingOptions {
  /** 0 takes the most likely token. Default 0. */
  temperature?: number;
  /** Keeps the k most likely tokens; 0 keeps all. Default 0. */
  topK?: number;
  /** Keeps the most likely tokens until their probabilities reach p; 1 keeps all. Default 1. */
  topP?: number;
  /** Drops tokens less likely than this share of the most likely one; 0 drops none. Default 0. */
  minP?: number;
  /** 32-bit. The same seed gives the same text. Default: random. */
  seed?: number;
}

export interface GenerateRequest {
  prompt: { messages: ChatMessage[] } | { text: string } | { tokens: number[] };
  sampling?: SamplingOptions;
  /** Most new tokens. Default: until the model stops or the context is full. */
  maxTokens?: number;
  /** Text before which the answer ends. */
  stop?: string[];
}

export type FinishReason = 'stop' | 'length' | 'abort';

export interface GenerateStats {
  promptTokens: number;
  /** Prompt tokens whose keys and values were still there from the call before. */
  cachedTokens: number;
  newTokens: number;
  /** Milliseconds until the first new token, and for all the others. */
  prefillMs: number;
  decodeMs: number;
  gpuBytesPeak: number;
}

/** What a request's own MessagePort carries to the page. */
export type GenerateEvent =
  | { type: 'tokens'; ids: number[]; text: string }
  | { type: 'done'; reason: FinishReason; stats: GenerateStats }
  | { type: 'error'; name: string; message: string };

/** What a request's own MessagePort carries to the worker. */
export type GenerateControl = { type: 'stop' };

export interface EngineStats {
  /** GPU bytes alive now, by purpose, and the most there ever were. */
  gpuBytes: Record<string, number>;
  gpuBytesPeak: number;
  budgetBytes: number;
  submits: number;
}

/** What the worker exposes through Comlink. `progress` is a MessagePort that carries LoadProgress. */
export interface WorkerEngine {
  load(source: ModelSource, options: LoadOptions, progress: MessagePort | null): Promise<ModelInfo>;
  /** Resolves when the request has ended; its events, an error too, go through `port`. */
  generate(request: GenerateRequest, port: MessagePort): Promise<void>;
  stats(): Promise<EngineStats>;
  models(): Promise<StoredModel[]>;
  remove(id: string): Promise<void>;
  unload(): Promise<void>;
}
