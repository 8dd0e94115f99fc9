// The shapes of the Prompt API, as far as windrow has it. Types only. `test/api/prompt-api-types.ts` holds them to those of `@types/dom-chromium-ai`.

export type Availability = 'unavailable' | 'downloadable' | 'downloading' | 'available';
export type SamplingMode = 'most-predictable' | 'predictable' | 'balanced' | 'creative' | 'most-creative';

export interface CreateMonitor extends EventTarget {
  ondownloadprogress: ((event: ProgressEvent) => unknown) | null;
}

/** Of an input or output; languages are not looked at. */
export interface Expected {
  type: 'text' | 'image' | 'audio';
  languages?: string[];
}

export interface MessageContent {
  type: 'text' | 'image' | 'audio';
  /** Of text, the text. */
  value: unknown;
}

export interface PromptMessage {
  /** `system` only as the first of `initialPrompts`. */
  role: 'system' | 'user' | 'assistant';
  content: string | MessageContent[];
  /** Of the last message of a prompt, which is the assistant's: the beginning of the answer, which goes on from there. */
  prefix?: boolean;
}

export type PromptInput = string | PromptMessage[];

/** A mode, or numbers: a TypeError for both. */
export interface SamplingOptions {
  /** Default `balanced`. */
  samplingMode?: SamplingMode;
  /** 0 or more; what is above 2 is 2. */
  temperature?: number;
  /** From 1: the most likely tokens. */
  topK?: number;
}

/** A function that the model may call while it answers. */
export interface Tool {
  /** 1 to 64 letters, digits, _ and -. */
  name: string;
  description: string;
  /** The JSON schema of its argument, an object, which passes it. */
  inputSchema: object;
  /** Called with the argument; what it gives is told the model. Where it rejects, the prompt does. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as the Prompt API's types have it
  execute: (...args: any[]) => Promise<string>;
}

export interface AvailabilityOptions extends SamplingOptions {
  expectedInputs?: Expected[];
  expectedOutputs?: Expected[];
  tools?: Tool[];
}

export interface CreateOptions extends AvailabilityOptions {
  initialPrompts?: PromptMessage[];
  /** Gets `downloadprogress`, from 0 to 1, while the model is loaded. */
  monitor?: (monitor: CreateMonitor) => void;
  signal?: AbortSignal;
}

export interface PromptOptions {
  /** A JSON schema, or what the whole answer matches. */
  responseConstraint?: Record<string, unknown> | RegExp;
  /** The model is not told the constraint. Default false. */
  omitResponseConstraintInput?: boolean;
  signal?: AbortSignal;
}

export interface LanguageModelParams {
  readonly defaultTopK: number;
  readonly maxTopK: number;
  readonly defaultTemperature: number;
  readonly maxTemperature: number;
}

/** A conversation. Calls take their turns. */
export interface LanguageModelSession extends EventTarget {
  /** Answers, and remembers both. Rejects with a DOMException; the conversation is then what it was. */
  prompt(input: PromptInput, options?: PromptOptions): Promise<string>;
  /** Text as it comes. Cancelling the stream stops the answer. */
  promptStreaming(input: PromptInput, options?: PromptOptions): ReadableStream<string>;
  /** Adds to the conversation without an answer. */
  append(input: PromptInput, options?: { signal?: AbortSignal }): Promise<undefined>;
  /** Tokens that an input would add to the conversation. */
  measureContextUsage(input: PromptInput, options?: PromptOptions): Promise<number>;
  /** @deprecated Older name of `measureContextUsage`. */
  measureInputUsage(input: PromptInput, options?: PromptOptions): Promise<number>;
  /** Tokens of the conversation. */
  readonly contextUsage: number;
  /** @deprecated Older name of `contextUsage`. */
  readonly inputUsage: number;
  /** Most tokens of it, an answer included. */
  readonly contextWindow: number;
  /** @deprecated Older name of `contextWindow`. */
  readonly inputQuota: number;
  /** The oldest turns were left out, but those of `initialPrompts`, as there was no room. */
  oncontextoverflow: ((event: Event) => unknown) | null;
  /** @deprecated Older name of `oncontextoverflow`. */
  onquotaoverflow: ((event: Event) => unknown) | null;
  readonly temperature: number;
  /** 0: all tokens. */
  readonly topK: number;
  /** Another conversation that goes on from here. */
  clone(options?: { signal?: AbortSignal }): Promise<LanguageModelSession>;
  /** Ends what is under way with an AbortError; later calls reject with an InvalidStateError. */
  destroy(): undefined;
}

export type LanguageModelClass = (abstract new () => LanguageModelSession) & {
  create(options?: CreateOptions): Promise<LanguageModelSession>;
  availability(options?: AvailabilityOptions): Promise<Availability>;
  params(): Promise<LanguageModelParams>;
};
