// What there is to know of a model that is loaded or stored. Types only.
import { type KvType } from './load.ts';

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

/** How a model makes one vector of those of all tokens, as its file says: their mean, that of the last one, or a classifier's scores of that. */
export type Pooling = 'mean' | 'last' | 'rank';
