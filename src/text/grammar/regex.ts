// Regular expressions of ECMAScript, with the flag `u`, as far as they are regular: no look-around, no back references.
import { type Expression, type Range, complement, either, lastCodePoint, merged, nothing, repeat, sequence, unsupportedGrammar } from './expression.ts';

export interface RegexOptions {
  /** How a character of these ranges is written where the text stands. Default: as it is. */
  readonly write?: (ranges: readonly Range[]) => Expression;
  /** The whole text has to match, as if ^ and $ were there. Default: a part of it, as RegExp.test has it. */
  readonly whole?: boolean;
}

interface Reader {
  readonly source: string;
  readonly characters: readonly string[];
  at: number;
  depth: number;
  readonly write: (ranges: readonly Range[]) => Expression;
}

const mostCharacters = 5000;
const mostDepth = 50;
const mostRepeats = 5000;

/** @throws RequestError for what is no regular expression, or none that a grammar can hold. */
export function readRegex(source: string, { write = (ranges) => ({ chars: ranges }), whole = false }: RegexOptions = {}): Expression {
  const reader: Reader = { source, characters: [...source], at: 0, depth: 0, write };
  if (reader.characters.length > mostCharacters)
    throw unsupportedGrammar(`A regular expression has ${reader.characters.length} characters; it may have ${mostCharacters}.`);
  try {
    new RegExp(source, 'u');
  } catch (error) {
    throw unsupportedGrammar(`${(error as Error).message}. Give a regular expression of JavaScript with the flag u.`);
  }
  const around = whole ? nothing : repeat(write([[0, lastCodePoint]]), 0);
  const alternatives: Expression[] = [];
  do {
    const fromStart = take(reader, '^');
    const parts = readSequence(reader);
    const toEnd = take(reader, '$');
    alternatives.push(sequence(...(fromStart ? [] : [around]), ...parts, ...(toEnd ? [] : [around])));
  } while (take(reader, '|'));
  if (reader.at < reader.characters.length) refuse(reader, 'an anchor within an expression');
  return either(...alternatives);
}

const peek = ({ characters, at }: Reader): string => characters[at] ?? '';

function take(reader: Reader, character: string): boolean {
  if (peek(reader) !== character) return false;
  reader.at++;
  return true;
}

function refuse({ source }: Reader, what: string): never {
  const shown = source.length > 60 ? `${source.slice(0, 57)}...` : source;
  throw unsupportedGrammar(`The regular expression ${shown} has ${what}, which cannot be enforced. Write it without.`);
}

function readSequence(reader: Reader): Expression[] {
  const parts: Expression[] = [];
  while (reader.at < reader.characters.length && !['|', ')', '$', '^'].includes(peek(reader))) parts.push(readRepeated(reader));
  return parts;
}

function readRepeated(reader: Reader): Expression {
  const part = readOne(reader);
  const counts = readCounts(reader);
  if (!counts) return part;
  take(reader, '?'); // lazy or not, the texts are the same
  const [least, most] = counts;
  if (least > mostRepeats || (most > mostRepeats && most !== Infinity)) refuse(reader, `more than ${mostRepeats} repetitions`);
  return repeat(part, least, most);
}

function readCounts(reader: Reader): [number, number] | undefined {
  if (take(reader, '*')) return [0, Infinity];
  if (take(reader, '+')) return [1, Infinity];
  if (take(reader, '?')) return [0, 1];
  if (!take(reader, '{')) return undefined;
  let counts = '';
  while (!take(reader, '}')) counts += reader.characters[reader.at++];
  const [least, most] = counts.split(',');
  return [Number(least), most === undefined ? Number(least) : most === '' ? Infinity : Number(most)];
}

function readOne(reader: Reader): Expression {
  const character = reader.characters[reader.at++];
  if (character === '(') return readGroup(reader);
  if (character === '[') return reader.write(readClass(reader));
  if (character === '.') return reader.write(complement([[10, 10], [13, 13], [0x2028, 0x2029]]));
  if (character === '\\') return reader.write(readEscape(reader, false));
  return reader.write([single(character)]);
}

function readGroup(reader: Reader): Expression {
  if (++reader.depth > mostDepth) refuse(reader, `groups more than ${mostDepth} deep`);
  if (take(reader, '?')) {
    const kind = reader.characters[reader.at++];
    if (kind === '<' && !'=!'.includes(peek(reader))) while (!take(reader, '>')) reader.at++;
    else if (kind !== ':') refuse(reader, kind === '<' || kind === '=' || kind === '!' ? 'a look-around' : 'flags within');
  }
  const alternatives: Expression[] = [];
  do alternatives.push(sequence(...readSequence(reader)));
  while (take(reader, '|'));
  if (!take(reader, ')')) refuse(reader, 'an anchor within a group');
  reader.depth--;
  return either(...alternatives);
}

const single = (character: string): Range => [character.codePointAt(0)!, character.codePointAt(0)!];
const digits: Range[] = [[0x30, 0x39]];
const word: Range[] = [[0x30, 0x39], [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]];
const controls: Record<string, number> = { n: 10, r: 13, t: 9, v: 11, f: 12, 0: 0 };

/** After a backslash. */
function readEscape(reader: Reader, inClass: boolean): Range[] {
  const character = reader.characters[reader.at++];
  switch (character) {
    case 'd': return digits;
    case 'D': return complement(digits);
    case 'w': return word;
    case 'W': return complement(word);
    case 's': return charactersOf('\\s');
    case 'S': return complement(charactersOf('\\s'));
    case 'p': case 'P': {
      let name = '';
      do name += peek(reader);
      while (!take(reader, '}') && ++reader.at);
      return charactersOf(`\\${character}${name}`);
    }
    case 'x': return [hexadecimal(reader, 2)];
    case 'u': return [readUnicode(reader)];
    case 'c': {
      const code = reader.characters[reader.at++].charCodeAt(0) % 32;
      return [[code, code]];
    }
    case 'b': if (inClass) return [[8, 8]];
  }
  if (/[1-9kbB]/.test(character)) refuse(reader, /[bB]/.test(character) ? 'a word boundary' : 'a back reference');
  if (Object.hasOwn(controls, character)) return [[controls[character], controls[character]]];
  return [single(character)];
}

function hexadecimal(reader: Reader, digitCount: number): Range {
  const code = parseInt(reader.characters.slice(reader.at, (reader.at += digitCount)).join(''), 16);
  return [code, code];
}

function readUnicode(reader: Reader): Range {
  if (take(reader, '{')) {
    const close = reader.characters.indexOf('}', reader.at);
    const range = hexadecimal(reader, close - reader.at);
    reader.at++;
    return range;
  }
  const [high] = hexadecimal(reader, 4);
  const isPair = high >= 0xd800 && high < 0xdc00 && peek(reader) === '\\' && reader.characters[reader.at + 1] === 'u';
  if (!isPair) return [high, high];
  reader.at += 2;
  const [low] = hexadecimal(reader, 4);
  return single(String.fromCharCode(high, low));
}

/** After its bracket. */
function readClass(reader: Reader): Range[] {
  const isNegated = take(reader, '^');
  const ranges: Range[] = [];
  const one = (): Range[] => {
    const character = reader.characters[reader.at++];
    return character === '\\' ? readEscape(reader, true) : [single(character)];
  };
  while (!take(reader, ']')) {
    const from = one();
    if (peek(reader) === '-' && reader.characters[reader.at + 1] !== ']') {
      reader.at++;
      ranges.push([from[0][0], one()[0][1]]);
    } else ranges.push(...from);
  }
  return isNegated ? complement(ranges) : merged(ranges);
}

const known = new Map<string, Range[]>();

/** The code points that a class of JavaScript has, by asking it. */
function charactersOf(spelling: string): Range[] {
  let ranges = known.get(spelling);
  if (ranges) return ranges;
  ranges = [];
  const pattern = new RegExp(`^${spelling}$`, 'u');
  let from = -1;
  for (let code = 0; code <= lastCodePoint + 1; code++) {
    const has = code <= lastCodePoint && pattern.test(String.fromCodePoint(code));
    if (has && from < 0) from = code;
    if (!has && from >= 0) {
      ranges.push([from, code - 1]);
      from = -1;
    }
  }
  if (known.size < 32) known.set(spelling, ranges);
  return ranges;
}
