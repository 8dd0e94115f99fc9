// Calls of functions as servers stream them, in windrow's pieces.
import { randomId } from '../../random.ts';
import { type ChatToolCallDelta } from '../completions/tools.ts';

interface Call {
  /** By which its pieces are told in what comes out. */
  index: number;
  /** As the server has it, if it has told one. */
  id?: string;
  name?: string;
  /** Arguments that came before its name. */
  waiting: string;
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

export interface Calls {
  read(pieces: unknown): ChatToolCallDelta[];
  /** At the end. @throws Error for a call whose name never came. */
  end(): void;
}

/**
 * Reads pieces one after the other: of a call the first that is given has the id and the name, and those that follow have neither, though servers
 * repeat them, or have null in their place. A piece is of the call that has its index; one with another id begins another.
 */
export function createCalls(): Calls {
  const all: Call[] = [];
  const latest = new Map<unknown, Call>(); // by the server's index
  let last: unknown;
  const begin = (key: unknown): Call => {
    const call: Call = { index: all.length, waiting: '' };
    all.push(call);
    latest.set(key, call);
    return call;
  };
  const read = (piece: unknown): ChatToolCallDelta[] => {
    const { index, id: toldId, function: told } = (piece ?? {}) as { index?: unknown; id?: unknown; function?: { name?: unknown; arguments?: unknown } | null };
    const [id, name] = [textOf(toldId), textOf(told?.name)];
    const args = typeof told?.arguments === 'string' ? told.arguments : told?.arguments ? JSON.stringify(told.arguments) : '';
    const key = index ?? (id === undefined ? last : id); // without an index: what has an id begins a call
    last = key;
    const before = latest.get(key);
    const call = before && (id === undefined || before.id === undefined || before.id === id) ? before : begin(key);
    call.id ??= id;
    if (call.name !== undefined) return args ? [{ index: call.index, function: { arguments: args } }] : [];
    call.waiting += args;
    if (name === undefined) return [];
    call.name = name;
    call.id ??= `call-${randomId()}`;
    return [{ index: call.index, id: call.id, type: 'function', function: { name, arguments: call.waiting } }];
  };
  return {
    read: (pieces) => (Array.isArray(pieces) ? pieces.flatMap(read) : []),
    end() {
      const nameless = all.find(({ name }) => name === undefined);
      if (nameless) throw new Error(`The server's answer has a call of no function: its arguments are ${nameless.waiting.slice(0, 200)}.`);
    },
  };
}
