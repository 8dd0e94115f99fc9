// What an answer says: from tokens to the text that is certain with them, up to the end of the turn or a stop string, and
// taken apart where the request asks for it.
import { type GenerateRequest, type Said, type Token, type ToolCallDelta } from '../../protocol.ts';
import { randomId } from '../../random.ts';
import { createStopStrings } from '../../text/stop-strings.ts';
import { createStreamDecoder } from '../../text/tokenizer/stream-decoder.ts';
import { type CallEvent, type Said as Parts } from '../../text/tools/style.ts';
import { type Text } from '../load/opened.ts';
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
  { constraint, reader, marks, idLength }: Form = {},
): Output {
  const decoder = text && createStreamDecoder(marks ? showing(text.tokenizer, marks) : text.tokenizer);
  const stops = createStopStrings([...(stop ?? []), ...(text && 'messages' in prompt ? text.template.stop : [])]);
  const endOfTurn = text?.template.endOfTurn;
  const numbered = numberCalls(idLength);
  let tokens = 0;
  let stopped = false;
  /** Gives text as it is, or what a reader makes of it. */
  const tell = (made: Token[], shown: string, parts?: Parts): void => {
    if (!parts) onTokens(made, shown);
    else {
      const { reasoning, calls } = parts;
      onTokens(made, parts.text, { ...(reasoning && { reasoning }), ...(calls.length && { calls: numbered.take(calls) }) });
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
      return numbered.count;
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

/** A tokenizer that spells some of its control tokens. */
const showing = (tokenizer: Text['tokenizer'], marks: ReadonlySet<number>): Text['tokenizer'] => ({
  ...tokenizer,
  piece: (id, options) => tokenizer.piece(id, marks.has(id) ? { special: true } : options),
});

/** Gives calls their places in the answer, and their ids. */
function numberCalls(idLength?: number): { readonly count: number; take(events: readonly CallEvent[]): ToolCallDelta[] } {
  let count = 0;
  return {
    get count() {
      return count;
    },
    take: (events) => events.map((event) => {
      if ('args' in event) return { index: count - 1, arguments: event.args };
      const id = idLength ? randomId().replace(/[^a-z0-9]/gi, '').slice(0, idLength) : `call_${randomId()}`;
      return { index: count++, id, name: event.name, arguments: '' };
    }),
  };
}

/** A token with its bytes, if it is one of a request for log-probabilities. */
export function spelt(token: Token, { tokenizer }: Text): Token {
  if (!token.top) return token;
  const bytes = (id: number) => tokenizer.piece(id, { special: true });
  return { ...token, bytes: bytes(token.id), top: token.top.map((each) => ({ ...each, bytes: bytes(each.id) })) };
}
