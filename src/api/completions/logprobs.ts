// Log-probabilities in the shapes of OpenAI's chat and of its older completions.
import { type Token, type TokenLogprob } from '../../protocol.ts';

export interface ChatTopLogprob {
  /** Its text; half a character is U+FFFD. */
  token: string;
  /** Natural logarithm of the probability that the model gave it, before any stage of sampling. */
  logprob: number;
  /** The text's UTF-8; null if the model has no tokenizer. */
  bytes: number[] | null;
}

export interface ChatTokenLogprob extends ChatTopLogprob {
  /** The most likely tokens in order, as many as `top_logprobs` asks for. */
  top_logprobs: ChatTopLogprob[];
}

export interface ChatLogprobs {
  /** Of every token of the answer, in order, those of a text of `stop` too. */
  content: ChatTokenLogprob[];
  refusal: null;
}

/** One entry of each list for a token. */
export interface CompletionLogprobs {
  /** Texts; bytes that are no whole characters as `bytes:\\xf0\\x9f`. */
  tokens: string[];
  /** Null, where the prompt is given back, for a token with nothing before it: OpenAI's types do not say so, but its answers do. */
  token_logprobs: number[];
  /** The most likely tokens and the chosen one; absent if `logprobs` is 0. */
  top_logprobs?: Record<string, number>[];
  /** How much text there is before each token, in UTF-16 units, from the beginning of the answer. */
  text_offset: number[];
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });

const chatToken = ({ logprob, bytes }: TokenLogprob): ChatTopLogprob => ({ token: decoder.decode(bytes), logprob, bytes: bytes ? [...bytes] : null });

export const chatLogprobs = (tokens: Token[] | undefined): ChatLogprobs | null =>
  tokens ? { content: tokens.map((token) => ({ ...chatToken(told(token)), top_logprobs: token.top!.map(chatToken) })), refusal: null } : null;

/** For the tokens of one answer, piece by piece: it counts where each begins. */
export function createCompletionLogprobs(): (tokens: Token[] | undefined) => CompletionLogprobs | null {
  const text = new TextDecoder('utf-8', { ignoreBOM: true });
  let offset = 0;
  return (tokens) => {
    if (!tokens) return null;
    return {
      tokens: tokens.map(textOf),
      token_logprobs: tokens.map((token) => token.logprob ?? (null as unknown as number)),
      top_logprobs: tokens.some(({ top }) => top!.length)
        ? tokens.map((token) => (token.logprob === undefined ? (null as unknown as Record<string, number>) : listed(told(token))))
        : undefined,
      text_offset: tokens.map(({ bytes }) => {
        const begins = offset;
        offset += text.decode(bytes, { stream: true }).length;
        return begins;
      }),
    };
  };
}

const listed = (token: TokenLogprob & Token): Record<string, number> =>
  Object.fromEntries([...token.top!, token].map((each) => [textOf(each), (each as TokenLogprob).logprob]));

function textOf({ bytes = new Uint8Array() }: Pick<TokenLogprob, 'bytes'>): string {
  try {
    return strict.decode(bytes);
  } catch {
    return `bytes:${[...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`;
  }
}

/** A token of a request that asks for log-probabilities. */
const told = (token: Token): TokenLogprob => token as TokenLogprob;
