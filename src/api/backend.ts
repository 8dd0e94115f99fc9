// What OpenAI's surface needs of whatever answers: a worker of the page, or an engine in the same process. Types only.
import {
  type EmbedInput, type EmbedRequest, type Embedding, type FinishReason,
  type GenerateRequest, type GenerateStats, type ModelInfo, type Said, type SessionStates, type Token,
} from '../protocol.ts';

/** Exactly one of `done`, `stopped` and `failed` is called, and nothing after it. */
export interface RequestListener {
  /** A step of its prompt was run: what is wrong with the request would have been told before. */
  begun?(): void;
  tokens(text: string, tokens: Token[], said?: Said): void;
  done(reason: Exclude<FinishReason, 'abort'>, stats: GenerateStats): void;
  /** By the signal, by the returned function, or by what answers. */
  stopped(): void;
  failed(error: Error): void;
}

/** Starts a request; gives the way to stop it. After a stop, no token is reported that was already on its way. */
export type StartRequest = (request: GenerateRequest, signal: AbortSignal | undefined, listener: RequestListener) => () => void;

/** One of `SessionStates`, by its name. */
export type SessionCall = <Call extends keyof SessionStates>(
  call: Call,
  ...args: Parameters<SessionStates[Call]>
) => Promise<Awaited<ReturnType<SessionStates[Call]>>>;

export interface Backend {
  /** Of the loaded model, as it is by now. */
  readonly info: ModelInfo;
  readonly start: StartRequest;
  /** Vectors of texts, in their order. Rejects with the signal's reason. */
  embed(inputs: EmbedInput[], how?: EmbedRequest & { signal?: AbortSignal }): Promise<Embedding[]>;
  /** Undefined where no states of conversations are held. */
  readonly session?: SessionCall;
}
