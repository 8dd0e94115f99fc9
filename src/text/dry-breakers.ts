// Texts that end repetitions, as tokens: a text may be within one, or begin at the end of one and go on in others. As llama.cpp finds them.
import { type Tokenizer } from './tokenizer/tokenizer.ts';

/** One of `heads`, and then `tail`, which is empty where a token holds the whole text. */
export interface Breaker {
  readonly tail: readonly number[];
  readonly heads: readonly number[];
}

/** Bytes of a text, and tokens of a tail, that count. */
const mostBytes = 40;
const mostTail = 20;

const found = new WeakMap<Tokenizer, { key: string; breakers: Breaker[] }>();

export function breakersOf(tokenizer: Tokenizer, texts: readonly string[]): readonly Breaker[] {
  const key = JSON.stringify(texts);
  const before = found.get(tokenizer);
  if (before?.key === key) return before.breakers; // a vocabulary is long
  const heads = new Map<string, Set<number>>(); // by tail
  const note = (tail: readonly number[], id: number): void => {
    const of = tail.join();
    heads.set(of, (heads.get(of) ?? new Set()).add(id));
  };
  for (const text of texts) findAll(tokenizer, text, note);
  const breakers = [...heads].map(([tail, ids]) => ({ tail: tail === '' ? [] : tail.split(',').map(Number), heads: [...ids] }));
  found.set(tokenizer, { key, breakers });
  return breakers;
}

function findAll(tokenizer: Tokenizer, text: string, note: (tail: readonly number[], id: number) => void): void {
  const bytes = new TextEncoder().encode(text).subarray(0, mostBytes);
  const whole = binary(bytes);
  const tails = Array.from({ length: bytes.length }, (_, i) => (i > 0 && isBegin(bytes[i]) ? tailOf(tokenizer, bytes.subarray(i)) : undefined));
  for (let id = 0; id < tokenizer.vocabSize; id++) {
    const piece = binary(tokenizer.piece(id, { special: true }));
    if (piece.includes(whole)) {
      note([], id);
      continue;
    }
    for (let length = Math.min(whole.length - 1, piece.length); length > 0; length--) {
      const tail = tails[length];
      if (tail && piece.endsWith(whole.slice(0, length))) note(tail, id);
    }
  }
}

const tailOf = (tokenizer: Tokenizer, bytes: Uint8Array): readonly number[] => tokenizer.encode(new TextDecoder().decode(bytes)).slice(0, mostTail);

/** Of a character: within one there is no text that could be put into tokens. */
const isBegin = (byte: number): boolean => (byte & 0xc0) !== 0x80;

/** A byte per UTF-16 unit. */
const binary = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
