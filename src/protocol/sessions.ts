// Conversations that are kept in storage, and documents that are put together. Types only.
import { type GenerateRequest } from './generate.ts';
import { type ModelInfo } from './model.ts';

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
  /** Gives `id` the episode of a conversation that is nearest to a question, read now or kept from before. */
  recall(id: string, request: RecallRequest): Promise<Recalled>;
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

/** A conversation of which one episode answers (the policy `epicache`). */
export interface RecallRequest {
  /** The prompt of all that was said, with what is asked as its last message. */
  conversation: Pick<GenerateRequest, 'prompt' | 'tools'>;
  /** Episodes at most. */
  episodes: number;
  /** As of `ComposeRequest`: other episodes alone give way. */
  mostBytes?: number;
  compact?: boolean;
}

/** Which episode of how many it is, from 0, and of which turns, from 0; the tokens of the conversation, and those that had to be run for it. */
export interface Recalled {
  episode: number;
  episodes: number;
  turns: number[];
  tokens: number;
  ranTokens: number;
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
