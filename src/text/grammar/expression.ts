// What a grammar is made of: plain data, of which regular expressions, EBNF, JSON schemas and the calls of tools are all
// written. It says which texts there are, and knows no tokens and no automaton.
import { RequestError } from '../../errors.ts';

/** Code points from `0` to `1`, both included. */
export type Range = readonly [from: number, to: number];

export type Expression =
  | { readonly text: string }
  /** One character. */
  | { readonly chars: readonly Range[] }
  /** A control token by its spelling; no text gives it. */
  | { readonly token: string }
  | { readonly sequence: readonly Expression[] }
  | { readonly either: readonly Expression[] }
  | { readonly repeat: Expression; readonly least: number; readonly most: number }
  | { readonly rule: string }
  /**
   * Bytes and control tokens as they come. It may end anywhere; where one of the triggers occurs, a text or a control token, what belongs to
   * it has to follow.
   */
  | { readonly free: readonly Trigger[]; /** It ends with a trigger. */ readonly must?: boolean };

export interface Trigger {
  readonly on: { readonly text: string } | { readonly token: string };
  readonly then: Expression;
}

export interface Grammar {
  readonly root: Expression;
  readonly rules: ReadonlyMap<string, Expression>;
}

export const text = (spelling: string): Expression => ({ text: spelling });
export const chars = (...ranges: Range[]): Expression => ({ chars: ranges });
export const sequence = (...parts: Expression[]): Expression => (parts.length === 1 ? parts[0] : { sequence: parts });
export const either = (...parts: Expression[]): Expression => (parts.length === 1 ? parts[0] : { either: parts });
export const repeat = (part: Expression, least: number, most = Infinity): Expression => ({ repeat: part, least, most });
export const optional = (part: Expression): Expression => repeat(part, 0, 1);
export const rule = (name: string): Expression => ({ rule: name });
export const nothing: Expression = { sequence: [] };

/** The same with other names for the rules that it names. */
export function rename(part: Expression, change: (name: string) => string): Expression {
  const of = (each: Expression) => rename(each, change);
  if ('rule' in part) return rule(change(part.rule));
  if ('sequence' in part) return { sequence: part.sequence.map(of) };
  if ('either' in part) return { either: part.either.map(of) };
  if ('repeat' in part) return { ...part, repeat: of(part.repeat) };
  if ('free' in part) return { ...part, free: part.free.map(({ on, then }) => ({ on, then: of(then) })) };
  return part;
}

/** The same grammar with other names for its rules, so that it can stand among those of another. */
export function renamed({ root, rules }: Grammar, prefix: string): Grammar {
  const of = (name: string) => prefix + name;
  return { root: rename(root, of), rules: new Map([...rules].map(([name, part]) => [of(name), rename(part, of)])) };
}

export const lastCodePoint = 0x10ffff;

/** In order, without overlaps. */
export function merged(ranges: readonly Range[]): Range[] {
  const sorted = ranges.toSorted((a, b) => a[0] - b[0]);
  const result: [number, number][] = [];
  for (const [from, to] of sorted) {
    const last = result.at(-1);
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else result.push([from, to]);
  }
  return result;
}

/** All other code points. */
export function complement(ranges: readonly Range[]): Range[] {
  const result: Range[] = [];
  let at = 0;
  for (const [from, to] of merged(ranges)) {
    if (from > at) result.push([at, from - 1]);
    at = to + 1;
  }
  if (at <= lastCodePoint) result.push([at, lastCodePoint]);
  return result;
}

export const intersection = (a: readonly Range[], b: readonly Range[]): Range[] => complement([...complement(a), ...complement(b)]);

export const unsupportedGrammar = (message: string): RequestError => new RequestError(message, { code: 'unsupported_grammar' });
