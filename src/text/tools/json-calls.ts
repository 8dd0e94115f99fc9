// Calls whose arguments are JSON: what reads them piece by piece, and the parts that styles write them of.
import { type Expression, either, nothing, repeat, sequence, text } from '../grammar/expression.ts';
import { colon, comma, space } from '../grammar/json-text.ts';
import { type CallEvent, type CallReader, type Writing } from './style.ts';

/** `{"name": "f", "arguments": {...}}`, whatever stands before it. */
export const jsonHead = /^[^]*?"name"\s*:\s*"((?:[^"\\]|\\.)*)"\s*,\s*"(?:arguments|parameters)"\s*:\s*(?=\{)/;

/** `head` finds the name of a call, as its group, up to its arguments. What stands between two calls belongs to the head of the second. */
export function createJsonReader(head: RegExp): CallReader {
  let held = '';
  let scan: ReturnType<typeof createScan> | undefined;
  return {
    push(more) {
      const events: CallEvent[] = [];
      held += more;
      for (;;) {
        if (!scan) {
          const match = head.exec(held);
          if (!match) return events;
          events.push({ name: match[1] });
          held = held.slice(match[0].length);
          scan = createScan();
        }
        const length = scan(held);
        const isWhole = length !== undefined;
        const args = isWhole ? held.slice(0, length) : held;
        if (args) events.push({ args });
        held = held.slice(args.length);
        if (!isWhole) return events;
        scan = undefined;
      }
    },
  };
}

/** Gives where a JSON object or list ends in a text, of which all before was given already; undefined if that is still to come. `quotes`: what texts are in. */
export function createScan(quotes = '"'): (more: string) => number | undefined {
  let depth = 0;
  let quote = ''; // of the text that this is in
  let isEscaped = false;
  return (more) => {
    for (let i = 0; i < more.length; i++) {
      const character = more[i];
      if (isEscaped) isEscaped = false;
      else if (quote) {
        if (character === '\\') isEscaped = true;
        else if (character === quote) quote = '';
      } else if (quotes.includes(character)) quote = character;
      else if ('{[('.includes(character)) depth++;
      else if ('}])'.includes(character) && --depth === 0) return i + 1;
    }
    return undefined;
  };
}

/** One of the tools as `{"name": "f", "arguments": {...}}`; `key` is what arguments are called, `more` may stand behind them. */
export const jsonCall = ({ tools, argumentsOf }: Writing, key = 'arguments', more: Expression = nothing): Expression =>
  either(...tools.map((tool) => {
    const name = sequence(text('"name"'), colon, text(JSON.stringify(tool.name)));
    return sequence(text('{'), space, name, comma, text(JSON.stringify(key)), colon, argumentsOf(tool), more, space, text('}'));
  }));

/** Calls as one list, `[{...}, {...}]`, and the mark `close` behind it, if there is one. */
export const listed = (call: Expression, writing: Writing, close?: string): Expression =>
  sequence(
    space, text('['), space, several(call, sequence(text(','), space), writing), space, text(']'),
    ...(close === undefined ? [] : [space, writing.mark(close)]),
  );

const mostCalls = 16;

/** Once, or several times with `between` between them. */
export const several = (call: Expression, between: Expression, { parallel }: Writing): Expression =>
  parallel ? sequence(call, repeat(sequence(between, call), 0, mostCalls - 1)) : call;
