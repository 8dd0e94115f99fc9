// Ends an answer before given texts. Holds back what could still become one of them, so that no part of it is shown.
import { RequestError } from '../errors.ts';

export interface StopResult {
  /** Text that is certainly before any stop string. */
  readonly text: string;
  /** A stop string has come; what follows is dropped. */
  readonly stopped: boolean;
}

export interface StopStrings {
  push(text: string): StopResult;
  /** The text held back, when no more follows. */
  flush(): string;
}

export function createStopStrings(stops: readonly string[]): StopStrings {
  if (stops.some((stop) => stop === '')) throw new RequestError('A stop string is empty, so that no answer could begin. Leave it out.');
  let held = '';
  let stopped = false;
  return {
    push(text) {
      if (stopped) return { text: '', stopped };
      held += text;
      // The first to be complete wins, of those the longest: the same however the text is cut into pieces.
      const found = stops.map((stop) => ({ start: held.indexOf(stop), length: stop.length })).filter(({ start }) => start >= 0);
      found.sort((a, b) => a.start + a.length - (b.start + b.length) || a.start - b.start);
      stopped = found.length > 0;
      const length = stopped ? found[0].start : openAt(held, stops);
      const complete = held.slice(0, length);
      held = stopped ? '' : held.slice(length);
      return { text: complete, stopped };
    },
    flush() {
      const text = held;
      held = '';
      return text;
    },
  };
}

/** Where the longest end of `text` starts that begins a stop string; its length if there is none. */
function openAt(text: string, stops: readonly string[]): number {
  const longest = Math.max(0, ...stops.map((stop) => stop.length)) - 1;
  for (let at = Math.max(0, text.length - longest); at < text.length; at++) {
    if (stops.some((stop) => stop.startsWith(text.slice(at)))) return at;
  }
  return text.length;
}
