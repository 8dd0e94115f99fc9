// Whether a text matches a regular expression, by the automaton that answers follow too: time grows with the text alone, whatever
// the expression, where JavaScript's own may try every way in which it could match.
import { createAutomaton } from './automaton.ts';
import { type Configuration, createMachine } from './configurations.ts';
import { unsupportedGrammar } from './expression.ts';
import { readRegex } from './regex.ts';

/** Threads followed for all texts of an expression: about a second. */
const mostWork = 1_000_000;

/** What tells whether a part of a text matches, as RegExp.test does. @throws RequestError for what a grammar cannot hold. */
export function createMatcher(pattern: string): (text: string) => boolean {
  const machine = createMachine(createAutomaton({ root: readRegex(pattern), rules: new Map() }));
  const encoder = new TextEncoder();
  return (text) => {
    let at: Configuration | null = machine.start;
    for (const byte of encoder.encode(text)) {
      at = machine.step(at, machine.classes[byte]);
      if (!at) return false;
      if (machine.work() > mostWork) throw unsupportedGrammar(`The regular expression ${pattern.slice(0, 60)} takes too long to follow. Make it simpler.`);
    }
    return at.accepts;
  };
}
