// From a grammar to a pushdown automaton over bytes: states with the bytes that lead on, calls of rules, and counters for
// what is repeated. Each state is compiled with the one that follows it, so that calls at the end of a rule need no return.
import { type Expression, type Grammar, type Range, type Trigger, unsupportedGrammar } from './expression.ts';

/** The end of a rule, or of the whole. */
export const end = 0;
/** Symbols from here on are control tokens: first any that the grammar does not name, then those of `tokens`. */
export const otherToken = 256;

export type State =
  | { readonly kind: 'end' }
  /** Symbols from, to, and the state that they lead to, flat. */
  | { readonly kind: 'read'; readonly on: number[] }
  | { readonly kind: 'fork'; readonly to: number[] }
  | { readonly kind: 'call'; readonly rule: string; readonly then: number }
  | { readonly kind: 'count'; body: number; readonly then: number; readonly least: number; readonly most: number };

export interface Automaton {
  readonly start: number;
  readonly states: readonly State[];
  /** Where each rule starts. */
  readonly rules: ReadonlyMap<string, number>;
  /** Spellings of the control tokens that are the symbols after `otherToken`. */
  readonly tokens: readonly string[];
  /** How many returns are open at least before the end of the state's rule is reached. */
  readonly heights: Float64Array;
}

const mostStates = 200_000;
/** Up to so many times what is repeated stands there in full; else it is counted. */
const mostCopies = 4;
/** Repetitions within repetitions are refused where more counts than this would have to be kept apart. */
const mostCounts = 20_000;

interface Building {
  readonly grammar: Grammar;
  readonly states: State[];
  readonly rules: Map<string, number>;
  readonly tokens: string[];
}

export function createAutomaton(grammar: Grammar): Automaton {
  const building: Building = { grammar, states: [{ kind: 'end' }], rules: new Map(), tokens: [] };
  const start = compile(building, grammar.root, end, 1);
  for (;;) {
    const missing = building.states.flatMap((state) => (state.kind === 'call' && !building.rules.has(state.rule) ? [state.rule] : []));
    if (!missing.length) break;
    for (const name of new Set(missing)) {
      const expression = grammar.rules.get(name);
      if (!expression) throw unsupportedGrammar(`The grammar has no rule ${name}, which it uses.`);
      building.rules.set(name, compile(building, expression, end, 1));
    }
  }
  const { states, rules, tokens } = building;
  refuseLeftRecursion(states, rules);
  const heights = heightsOf(states, rules);
  const endless = [...rules].find(([, first]) => heights[first] === Infinity);
  if (endless) throw unsupportedGrammar(`The rule ${endless[0]} of the grammar has no text: it never comes to an end.`);
  if (heights[start] === Infinity) throw unsupportedGrammar('The grammar has no text: there is nothing that it would allow.');
  return { start, states, rules, tokens, heights };
}

function add({ states }: Building, state: State): number {
  if (states.length >= mostStates) throw tooLarge();
  return states.push(state) - 1;
}

const tooLarge = () => unsupportedGrammar(`The grammar is too large: it takes more than ${mostStates} states. Allow less at once.`);

/** The state where `expression` starts, after which `then` follows. `counts`: how often it is repeated by what stands around it. */
function compile(building: Building, expression: Expression, then: number, counts: number): number {
  if ('text' in expression) {
    const bytes = new TextEncoder().encode(expression.text);
    return bytes.reduceRight((next, byte) => add(building, { kind: 'read', on: [byte, byte, next] }), then);
  }
  if ('chars' in expression) return compileChars(building, expression.chars, then);
  if ('token' in expression) {
    const symbol = symbolOf(building, expression.token);
    return add(building, { kind: 'read', on: [symbol, symbol, then] });
  }
  if ('sequence' in expression) return expression.sequence.reduceRight((next, part) => compile(building, part, next, counts), then);
  if ('either' in expression) return compileEither(building, expression.either, then, counts);
  if ('rule' in expression) return add(building, { kind: 'call', rule: expression.rule, then });
  if ('free' in expression) return compileFree(building, expression, then, counts);
  return compileRepeat(building, expression, then, counts);
}

function compileEither(building: Building, parts: readonly Expression[], then: number, counts: number): number {
  const texts = parts.flatMap((part) => ('text' in part ? [part.text] : []));
  const to = parts.flatMap((part) => ('text' in part ? [] : [compile(building, part, then, counts)]));
  if (texts.length) to.push(compileTexts(building, texts, then));
  return to.length === 1 ? to[0] : add(building, { kind: 'fork', to });
}

/** As a tree of their bytes: one thread is enough to follow thousands of texts. */
function compileTexts(building: Building, texts: readonly string[], then: number): number {
  const encoder = new TextEncoder();
  const nodes = [{ next: new Map<number, number>(), ends: false }];
  for (const each of texts) {
    let at = 0;
    for (const byte of encoder.encode(each)) {
      let to = nodes[at].next.get(byte);
      if (to === undefined) {
        if (nodes.length >= mostStates) throw tooLarge();
        nodes[at].next.set(byte, (to = nodes.push({ next: new Map(), ends: false }) - 1));
      }
      at = to;
    }
    nodes[at].ends = true;
  }
  const states: number[] = [];
  for (let i = nodes.length - 1; i >= 0; i--) {
    const { next, ends } = nodes[i];
    const on = [...next].flatMap(([byte, to]) => [byte, byte, states[to]]);
    if (!on.length) states[i] = then;
    else {
      const read = add(building, { kind: 'read', on });
      states[i] = ends ? add(building, { kind: 'fork', to: [read, then] }) : read;
    }
  }
  return states[0];
}

function symbolOf({ tokens }: Building, spelling: string): number {
  const at = tokens.indexOf(spelling);
  return otherToken + 1 + (at < 0 ? tokens.push(spelling) - 1 : at);
}

function compileRepeat(
  building: Building,
  { repeat: part, least, most }: Extract<Expression, { repeat: Expression }>,
  then: number,
  counts: number,
): number {
  if (most < 1) return then;
  if (most === Infinity && least <= 1) {
    const to: number[] = [];
    const loop = add(building, { kind: 'fork', to });
    const body = compile(building, part, loop, counts);
    to.push(body, then);
    return least ? body : loop;
  }
  if (most <= mostCopies) {
    let next = then;
    for (let i = most; i > 0; i--) {
      const body = compile(building, part, next, counts);
      next = i > least ? add(building, { kind: 'fork', to: [body, then] }) : body;
    }
    return next;
  }
  const within = counts * (most === Infinity ? least : most);
  // Those of rules begin anew: what stands between them, as the commas of lists, tells one count from another.
  if (within > mostCounts && counts > 1)
    throw unsupportedGrammar(`The grammar repeats within what is repeated, up to ${within} times; it may do so ${mostCounts} times.`);
  const state: State = { kind: 'count', body: -1, then, least, most };
  const at = add(building, state);
  (state as { body: number }).body = compile(building, part, end, within);
  return at;
}

/** The characters of these ranges as UTF-8, without halves of surrogate pairs. */
function compileChars(building: Building, ranges: readonly Range[], then: number): number {
  const on: number[] = [];
  const tails = new Map<string, number>();
  const tail = (bytes: readonly Range[]): number => {
    if (!bytes.length) return then;
    const key = bytes.join(';');
    let state = tails.get(key);
    if (state === undefined) tails.set(key, (state = add(building, { kind: 'read', on: [...bytes[0], tail(bytes.slice(1))] })));
    return state;
  };
  for (const [from, to] of ranges)
    for (const bytes of utf8Ranges(from, to)) on.push(...bytes[0], tail(bytes.slice(1)));
  return add(building, { kind: 'read', on });
}

/** Ends of encodings of 1 to 3 bytes, and the surrogates, which have none. */
const borders = [0x80, 0x800, 0xd800, 0xe000, 0x10000];

/** Sequences of byte ranges that together are the UTF-8 of the code points `from` to `to`. */
export function utf8Ranges(from: number, to: number): Range[][] {
  if (from > to) return [];
  const border = borders.find((each) => from < each && each <= to);
  if (border !== undefined) return [...utf8Ranges(from, border - 1), ...utf8Ranges(border, to)];
  if (from >= 0xd800 && to < 0xe000) return [];
  const length = from < 0x80 ? 1 : from < 0x800 ? 2 : from < 0x10000 ? 3 : 4;
  for (let i = 1; i < length; i++) {
    const low = 2 ** (6 * i) - 1;
    if (Math.floor(from / (low + 1)) === Math.floor(to / (low + 1))) continue;
    if (from & low) return [...utf8Ranges(from, from | low), ...utf8Ranges((from | low) + 1, to)];
    if ((to & low) !== low) return [...utf8Ranges(from, (to & ~low) - 1), ...utf8Ranges(to & ~low, to)];
  }
  const [low, high] = [from, to].map((each) => new TextEncoder().encode(String.fromCodePoint(each)));
  return [Array.from(low, (byte, i): Range => [byte, high[i]])];
}

/** What has been read of triggers so far is the state (Aho and Corasick 1975). */
function compileFree(building: Building, { free: triggers, must }: { free: readonly Trigger[]; must?: boolean }, then: number, counts: number): number {
  const encoder = new TextEncoder();
  const texts = triggers.flatMap(({ on, then: next }) =>
    'text' in on ? [{ bytes: [...encoder.encode(on.text)], next: compile(building, next, then, counts) }] : [],
  );
  const tokens = triggers.flatMap(({ on, then: next }) =>
    'token' in on ? [{ symbol: symbolOf(building, on.token), next: compile(building, next, then, counts) }] : [],
  );
  const prefixes = new Map<string, { read: number[]; fork: number; on: number[] }>();
  const at = (read: number[]): number => {
    const key = read.join();
    const known = prefixes.get(key);
    if (known) return known.fork;
    const on: number[] = [];
    const fork = add(building, { kind: 'fork', to: [add(building, { kind: 'read', on }), ...(must ? [] : [then])] });
    prefixes.set(key, { read, fork, on });
    return fork;
  };
  const start = at([]);
  const begins = (read: readonly number[]) => texts.some(({ bytes }) => read.every((byte, i) => byte === bytes[i]));
  for (const { read, on } of prefixes.values()) {
    for (let byte = 0; byte < 256; byte++) {
      let rest = [...read, byte];
      const found = texts.find(({ bytes }) => bytes.length <= rest.length && bytes.every((each, i) => each === rest[rest.length - bytes.length + i]));
      while (rest.length && !begins(rest)) rest = rest.slice(1);
      on.push(byte, byte, found ? found.next : at(rest));
    }
    on.push(otherToken, otherToken, start);
    for (const { symbol, next } of tokens) on.push(symbol, symbol, next);
  }
  return start;
}

/** States that are reached without reading anything, calls left out. */
function within(states: readonly State[], start: number, nullable: ReadonlySet<string>): Set<number> {
  const reached = new Set([start]);
  for (const at of reached) {
    const state = states[at];
    if (state.kind === 'fork') state.to.forEach((to) => reached.add(to));
    if (state.kind === 'count') reached.add(state.body).add(state.least === 0 ? state.then : state.body);
    if (state.kind === 'call' && nullable.has(state.rule)) reached.add(state.then);
  }
  return reached;
}

function refuseLeftRecursion(states: readonly State[], rules: ReadonlyMap<string, number>): void {
  const nullable = new Set<string>();
  for (let before = -1; before < nullable.size; ) {
    before = nullable.size;
    for (const [name, start] of rules) if (!nullable.has(name) && within(states, start, nullable).has(end)) nullable.add(name);
  }
  const done = new Set<string>();
  const visit = (name: string, above: readonly string[]): void => {
    if (above.includes(name)) throw unsupportedGrammar(`The rule ${name} of the grammar begins with itself (left recursion). Write it as a repetition.`);
    if (done.has(name)) return;
    if (above.length > 1000) throw unsupportedGrammar('The rules of the grammar begin with one another more than 1000 deep.');
    for (const at of within(states, rules.get(name)!, nullable)) {
      const state = states[at];
      if (state.kind === 'call') visit(state.rule, [...above, name]);
    }
    done.add(name);
  };
  for (const name of rules.keys()) visit(name, []);
}

function heightsOf(states: readonly State[], rules: ReadonlyMap<string, number>): Float64Array {
  const heights = new Float64Array(states.length).fill(Infinity);
  heights[end] = 0;
  const heightOf = (state: State): number => {
    switch (state.kind) {
      case 'end': return 0;
      case 'read': {
        let least = Infinity;
        for (let i = 2; i < state.on.length; i += 3) least = Math.min(least, heights[state.on[i]]);
        return least;
      }
      case 'fork': return state.to.reduce((least, to) => Math.min(least, heights[to]), Infinity);
      case 'call': return Math.max(heights[rules.get(state.rule)!] + (state.then === end ? 0 : 1), heights[state.then]);
      case 'count': return state.least === 0 ? heights[state.then] : Math.max(heights[state.body] + 1, heights[state.then]);
    }
  };
  for (let changed = true; changed; ) {
    changed = false;
    states.forEach((state, i) => {
      const height = heightOf(state);
      if (height < heights[i]) {
        heights[i] = height;
        changed = true;
      }
    });
  }
  return heights;
}
