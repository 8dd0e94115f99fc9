// What may follow in one answer: the mask of the next token, what tokens do, and which text can only come. The grammar's
// automaton and the masks of its configurations are shared by all answers of a grammar.
import { RequestError } from '../../errors.ts';
import { type Tokenizer } from '../tokenizer/tokenizer.ts';
import { createAutomaton, otherToken } from './automaton.ts';
import { type Configuration, type Machine, createMachine } from './configurations.ts';
import { type Grammar, unsupportedGrammar } from './expression.ts';
import { type TokenTrie, createTokenTrie } from './token-trie.ts';

export interface Constraint {
  /** Bit `token % 32` of word `token / 32` is set for those that may come next; (ceil(vocab / 32)). Not to be changed. */
  mask(): Uint32Array<ArrayBuffer>;
  /** Takes the next token of the answer. @throws RequestError for one that the mask does not allow. */
  accept(id: number): void;
  /** Whether the text may end here, and whether it has to. */
  readonly mayEnd: boolean;
  readonly isComplete: boolean;
  /** Tokens of the text that can only come here; empty where there is a choice. None of them is a part of what follows. */
  forced(): number[];
}

export interface ConstraintSource {
  /** For a new answer. */
  begin(): Constraint;
}

/** What a grammar needs of a model. */
export interface Vocabulary {
  readonly tokenizer: Tokenizer;
  /** Tokens that end an answer. */
  readonly ends: ReadonlySet<number>;
  /** Tokens that logits are of, perhaps more than the tokenizer knows. */
  readonly size: number;
}

interface Shared {
  readonly vocabulary: Vocabulary;
  readonly trie: TokenTrie;
  readonly machine: Machine;
  /** Classes of control tokens by id. */
  readonly control: ReadonlyMap<number, number>;
  /** Masks that are kept, in the order in which they were made. */
  readonly masked: Configuration[];
}

const tries = new WeakMap<Tokenizer, TokenTrie>();
const mostMasks = 256;
const mostForcedBytes = 2048;
/** Threads that are followed to what was not known, in one mask: about a second. */
const mostNewWork = 2_000_000;

export function createConstraints(grammar: Grammar, vocabulary: Vocabulary): ConstraintSource {
  const { tokenizer, ends } = vocabulary;
  const automaton = createAutomaton(grammar);
  const machine = createMachine(automaton);
  let trie = tries.get(tokenizer);
  if (!trie) tries.set(tokenizer, (trie = createTokenTrie(tokenizer)));
  const named = new Map(automaton.tokens.map((spelling, i) => [tokenizer.find(spelling), otherToken + 1 + i]));
  if (named.has(undefined)) throw unsupportedGrammar(`The model has no token ${automaton.tokens.find((each) => tokenizer.find(each) === undefined)}.`);
  const control = new Map<number, number>();
  for (let id = 0; id < tokenizer.vocabSize; id++) {
    if (named.has(id)) control.set(id, machine.classes[named.get(id)!]);
    else if (tokenizer.isControl(id) && !ends.has(id) && id !== tokenizer.bos) control.set(id, machine.classes[otherToken]);
  }
  const shared: Shared = { vocabulary, trie, machine, control, masked: [] };
  return { begin: () => beginAnswer(shared) };
}

function beginAnswer(shared: Shared): Constraint {
  const { vocabulary: { ends, tokenizer }, machine } = shared;
  let at = machine.start;
  let isOver = false;
  return {
    mask: () => maskOf(shared, at),
    accept(id) {
      if (isOver) throw new RequestError('The answer is complete; no token may follow.');
      const next = follow(shared, at, id);
      if (!next && at.accepts && ends.has(id)) {
        isOver = true;
        return;
      }
      if (!next) throw new RequestError(`The token ${id} (${JSON.stringify(tokenizer.spelling(id))}) may not follow by the grammar of this answer.`);
      at = next;
    },
    get mayEnd() {
      return at.accepts;
    },
    get isComplete() {
      return isOver || (at.accepts && !at.threads.length);
    },
    forced: () => (isOver ? [] : forcedTokens(shared, at)),
  };
}

function follow({ vocabulary: { tokenizer }, machine, control }: Shared, from: Configuration, id: number): Configuration | null {
  const symbolClass = control.get(id);
  if (symbolClass !== undefined) return machine.step(from, symbolClass);
  if (tokenizer.isControl(id)) return null;
  const piece = tokenizer.piece(id);
  let at: Configuration | null = piece.length ? from : null;
  for (let i = 0; at && i < piece.length; i++) at = machine.step(at, machine.classes[piece[i]]);
  return at;
}

function maskOf(shared: Shared, at: Configuration): Uint32Array<ArrayBuffer> {
  if (at.mask) return at.mask;
  const { vocabulary: { size, ends }, machine, control, masked } = shared;
  const mask = new Uint32Array(Math.ceil(size / 32));
  const allow = (id: number): void => {
    if (id < size) mask[id >> 5] |= 1 << (id & 31);
  };
  if (at.accepts) ends.forEach(allow);
  for (const [id, symbolClass] of control) if (machine.step(at, symbolClass)) allow(id);
  walk(shared, at, mask);
  masked.push(at);
  if (masked.length > mostMasks) masked.shift()!.mask = undefined;
  return (at.mask = mask);
}

/** Sets the bits of the tokens whose bytes may follow. */
function walk({ trie, machine }: Shared, start: Configuration, mask: Uint32Array): void {
  const { bytes, depths, after, first, tokens } = trie;
  const { classes } = machine;
  const size = 32 * mask.length;
  const path: Configuration[] = [start];
  const most = machine.work() + mostNewWork;
  for (let node = 0; node < bytes.length; ) {
    const depth = depths[node];
    const from = path[depth];
    const symbolClass = classes[bytes[node]];
    let next = from.next[symbolClass];
    if (next === undefined) {
      next = machine.step(from, symbolClass);
      if (machine.work() > most)
        throw unsupportedGrammar('The grammar takes too long to follow: too many of its texts differ in what may come next. Make it simpler.');
    }
    if (!next) {
      node = after[node];
      continue;
    }
    path[depth + 1] = next;
    for (let i = first[node]; i < first[node + 1]; i++) if (tokens[i] < size) mask[tokens[i] >> 5] |= 1 << (tokens[i] & 31);
    node++;
  }
}

/**
 * The text that can only come, as the tokenizer cuts it. Where it does not end the answer its last token is left to be chosen, as what
 * follows may be one token with it.
 */
function forcedTokens(shared: Shared, from: Configuration): number[] {
  const { machine, vocabulary: { tokenizer } } = shared;
  const bytes: number[] = [];
  let at = from;
  while (bytes.length < mostForcedBytes && !at.accepts) {
    const only = onlyByte(machine, at);
    if (only === undefined) break;
    bytes.push(only);
    at = machine.step(at, machine.classes[only])!;
  }
  if (bytes.length < 2) return [];
  const text = new TextDecoder().decode(Uint8Array.from(bytes));
  const ids = tokenizer.encode(text, { continues: true }); // no space before it, which the grammar does not have
  if (!(at.accepts && !at.threads.length)) ids.pop();
  let checked: Configuration | null = from;
  const length = ids.findIndex((id) => !(checked = follow(shared, checked!, id)));
  return length < 0 ? ids : ids.slice(0, length);
}

/** The byte that alone may follow, where the text may not end and no control token may come. */
function onlyByte({ classes, step }: Machine, at: Configuration): number | undefined {
  let only: number | undefined;
  for (let symbol = 0; symbol < classes.length; symbol++) {
    if (!step(at, classes[symbol])) continue;
    if (only !== undefined || symbol >= otherToken) return undefined;
    only = symbol;
  }
  return only;
}
