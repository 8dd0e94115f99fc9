// Grammars as text, in the notation that llama.cpp calls GBNF and xgrammar EBNF: `root ::= "yes" | "no" [0-9]{1,3}`.
import { type Expression, type Grammar, type Range, complement, either, lastCodePoint, repeat, sequence, unsupportedGrammar } from './expression.ts';

interface Reader {
  readonly source: string;
  at: number;
  depth: number;
}

const mostCharacters = 200_000;
const mostDepth = 100;
const mostRepeats = 5000;

/** @throws RequestError for what is no grammar, with its line. */
export function readEbnf(source: string): Grammar {
  if (source.length > mostCharacters) throw unsupportedGrammar(`The grammar has ${source.length} characters; it may have ${mostCharacters}.`);
  const reader: Reader = { source, at: 0, depth: 0 };
  const rules = new Map<string, Expression>();
  for (skip(reader, true); reader.at < source.length; skip(reader, true)) {
    const name = readName(reader);
    skip(reader, false);
    if (!name || !source.startsWith('::=', reader.at)) wrong(reader, 'a rule, as in name ::= "text"');
    if (rules.has(name)) wrong(reader, `another name: the rule ${name} is there twice`);
    reader.at += 3;
    rules.set(name, readAlternatives(reader, false));
  }
  const root = rules.get('root');
  if (!root) throw unsupportedGrammar('The grammar has no rule root, with which it would begin.');
  return { root: { rule: 'root' }, rules };
}

function wrong({ source, at }: Reader, needed: string): never {
  const line = source.slice(0, at).split('\n').length;
  throw unsupportedGrammar(`Line ${line} of the grammar has ${JSON.stringify(source.slice(at, at + 20))} where it needs ${needed}.`);
}

/** White space and comments; line ends too where nothing has to follow on the same line. */
function skip(reader: Reader, lines: boolean): void {
  const pattern = lines ? /(?:\s|#[^\n]*)*/y : /(?:[ \t]|#[^\n]*)*/y;
  pattern.lastIndex = reader.at;
  reader.at += pattern.exec(reader.source)![0].length;
}

function readName(reader: Reader): string {
  const pattern = /[A-Za-z_][\w-]*/y;
  pattern.lastIndex = reader.at;
  const name = pattern.exec(reader.source)?.[0] ?? '';
  reader.at += name.length;
  return name;
}

function take(reader: Reader, character: string): boolean {
  if (reader.source[reader.at] !== character) return false;
  reader.at++;
  return true;
}

function readAlternatives(reader: Reader, inGroup: boolean): Expression {
  if (++reader.depth > mostDepth) wrong(reader, `groups at most ${mostDepth} deep`);
  const alternatives: Expression[] = [];
  do alternatives.push(readSequence(reader, inGroup));
  while (nextAlternative(reader, inGroup));
  reader.depth--;
  return either(...alternatives);
}

/** It may stand on the next line. */
function nextAlternative(reader: Reader, inGroup: boolean): boolean {
  const { at } = reader;
  skip(reader, true);
  if (take(reader, '|')) return true;
  if (!inGroup) reader.at = at;
  return false;
}

function readSequence(reader: Reader, inGroup: boolean): Expression {
  const parts: Expression[] = [];
  for (let isFirst = true; ; isFirst = false) {
    skip(reader, inGroup || isFirst);
    const part = readOne(reader);
    if (!part) break;
    parts.push(readRepeats(reader, part));
  }
  return sequence(...parts);
}

/** Undefined where a sequence ends. */
function readOne(reader: Reader): Expression | undefined {
  const { source, at } = reader;
  const character = source[at];
  if (character === '"') return { text: readText(reader) };
  if (character === '[') return { chars: readClass(reader) };
  if (take(reader, '.')) return { chars: [[0, lastCodePoint]] };
  if (take(reader, '(')) {
    const group = readAlternatives(reader, true);
    if (!take(reader, ')')) wrong(reader, 'a closing parenthesis');
    return group;
  }
  const name = readName(reader);
  if (!name) return character === undefined || /[|)\n\r]/.test(character) ? undefined : wrong(reader, 'a text, a class, a group or the name of a rule');
  const { at: after } = reader;
  skip(reader, false);
  const isNext = source.startsWith('::=', reader.at);
  reader.at = isNext ? at : after;
  return isNext ? undefined : { rule: name };
}

function readRepeats(reader: Reader, part: Expression): Expression {
  if (take(reader, '*')) return repeat(part, 0);
  if (take(reader, '+')) return repeat(part, 1);
  if (take(reader, '?')) return repeat(part, 0, 1);
  if (reader.source[reader.at] !== '{') return part;
  const counts = /\{\s*(\d+)\s*(?:(,)\s*(\d*)\s*)?\}/y;
  counts.lastIndex = reader.at;
  const match = counts.exec(reader.source);
  if (!match) return wrong(reader, 'counts, as in {2}, {2,} or {2,5}');
  const least = Number(match[1]);
  const most = match[2] === undefined ? least : match[3] ? Number(match[3]) : Infinity;
  if (most < least || least > mostRepeats || (most > mostRepeats && most !== Infinity)) wrong(reader, `counts in order, up to ${mostRepeats}`);
  reader.at += match[0].length;
  return repeat(part, least, most);
}

const escapes: Record<string, number> = { n: 10, r: 13, t: 9 };

/** A character of a text or a class, escaped or not. */
function readCharacter(reader: Reader): number {
  const code = reader.source.codePointAt(reader.at);
  if (code === undefined || code === 10) return wrong(reader, 'the end of a text or a class on its line');
  reader.at += code > 0xffff ? 2 : 1;
  if (code !== 0x5c) return code;
  const character = reader.source[reader.at++];
  const digits = { x: 2, u: 4, U: 8 }[character];
  if (digits === undefined) return escapes[character] ?? character?.codePointAt(0) ?? wrong(reader, 'a character after the backslash');
  const hexadecimal = reader.source.slice(reader.at, reader.at + digits);
  const value = parseInt(hexadecimal, 16);
  if (!/^[\da-f]+$/i.test(hexadecimal) || hexadecimal.length < digits || value > lastCodePoint) wrong(reader, `${digits} hexadecimal digits of a character`);
  reader.at += digits;
  return value;
}

function readText(reader: Reader): string {
  reader.at++;
  let text = '';
  while (!take(reader, '"')) text += String.fromCodePoint(readCharacter(reader));
  return text;
}

function readClass(reader: Reader): Range[] {
  reader.at++;
  const isNegated = take(reader, '^');
  const ranges: Range[] = [];
  while (!take(reader, ']')) {
    const from = readCharacter(reader);
    const isRange = reader.source[reader.at] === '-' && reader.source[reader.at + 1] !== ']';
    if (isRange) reader.at++;
    const to = isRange ? readCharacter(reader) : from;
    if (to < from) wrong(reader, 'a class whose ranges go up');
    ranges.push([from, to]);
  }
  return isNegated ? complement(ranges) : ranges;
}
