// How tokens are chosen, and what is told of each. Types only.

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
