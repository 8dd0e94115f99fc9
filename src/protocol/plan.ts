// What a model would take, and how fast it would be, before anything is loaded. Types only.
import { type KvType } from './load.ts';
import { type StoreCost } from './state.ts';

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
  /** Share of the layers that have all of theirs there, so that a token need not wait for them. */
  complete: number;
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
  /**
   * Of worker memory, where a policy has pages there, of all conversations at their longest, what latents are made by, and what a policy has while it finds
   * what it needs; the budget of `ram` is not for those.
   */
  homeBytes?: number;
  /** Of storage, for pages that worker memory is to have no room for. */
  storedBytes?: number;
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
