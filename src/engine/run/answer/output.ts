// What an answer says: from tokens to the text that is certain with them, up to the end of the turn or a stop string, and
// taken apart where the request asks for it.
import { type GenerateRequest, type Said, type Token } from '../../../protocol.ts';
import { createStopStrings } from '../../../text/stop-strings.ts';
import { createStreamDecoder } from '../../../text/tokenizer/stream-decoder.ts';
import { type Said as Parts } from '../../../text/tools/style.ts';
import { type Text } from '../../load/opened.ts';
import { type Form } from './constrained.ts';

/** Gets tokens and the text that is certain with them, and what else they say. */
export type OnTokens = (tokens: Token[], text: string, said?: Said) => void;

export interface Output {
  /** Takes a token; false once the answer has come to its end. */
  push(token: Token): boolean;
  /** Hands over the text that was held back, as no more tokens come. */
  flush(): void;
  /** Tokens of the answer. */
  readonly tokens: number;
  /** Whether the answer has come to its end. */
  readonly stopped: boolean;
  /** Functions that it called. */
  readonly calls: number;
}

/** Without `text` tokens have no text; with a constraint, the answer also ends where nothing may follow. */
export function createOutput(
  { prompt, stop }: Pick<GenerateRequest, 'prompt' | 'stop'>,
  text: Text | undefined,
  onTokens: OnTokens,
  { constraint, reader, calls, tokenizer = text?.tokenizer }: Form = {},
): Output {
  const decoder = tokenizer && createStreamDecoder(tokenizer);
  const stops = createStopStrings([...(stop ?? []), ...(text && 'messages' in prompt ? text.template.stop : [])]);
  const endOfTurn = text?.template.endOfTurn;
  let tokens = 0;
  let stopped = false;
  /** Gives text as it is, or what a reader makes of it. */
  const tell = (made: Token[], shown: string, parts?: Parts): void => {
    if (!parts) onTokens(made, shown);
    else {
      const { reasoning, calls: events } = parts;
      onTokens(made, parts.text, { ...(reasoning && { reasoning }), ...(events.length && { calls: calls?.take(events) }) });
    }
  };
  return {
    get tokens() {
      return tokens;
    },
    get stopped() {
      return stopped;
    },
    get calls() {
      return calls?.count ?? 0;
    },
    push(token) {
      if (endOfTurn?.has(token.id)) {
        stopped = true;
        return false;
      }
      tokens++;
      const shown = stops.push(decoder ? decoder.push(token.id) : '');
      tell([text ? spelt(token, text) : token], shown.text, reader?.push(shown.text));
      constraint?.accept(token.id);
      stopped ||= shown.stopped || constraint?.isComplete === true;
      return !stopped;
    },
    flush() {
      const held = decoder?.flush() ?? '';
      const last = stops.push(constraint ? '' : held); // half a character is no beginning of what a grammar allows
      const rest = last.text + (last.stopped ? '' : stops.flush());
      if (rest) tell([], rest, reader?.push(rest));
      const parts = reader?.flush();
      if (parts && (parts.text || parts.reasoning || parts.calls.length)) tell([], '', parts);
    },
  };
}

/** A token with its bytes, if it is one of a request for log-probabilities. */
export function spelt(token: Token, { tokenizer }: Text): Token {
  if (!token.top) return token;
  const bytes = (id: number) => tokenizer.piece(id, { special: true });
  return { ...token, bytes: bytes(token.id), top: token.top.map((each) => ({ ...each, bytes: bytes(each.id) })) };
}
