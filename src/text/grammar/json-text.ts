// How JSON is written: the parts that every schema shares. Its white space is bounded, as a model that may go on for ever with
// it sometimes does, and its numbers have as many digits as JavaScript reads without loss.
import { type Expression, type Range, chars, complement, either, intersection, optional, repeat, rule, sequence, text } from './expression.ts';

const digit: Expression = chars([0x30, 0x39]);
const hex: Range[] = [[0x30, 0x39], [0x41, 0x46], [0x61, 0x66]];

/** None, a space, or a new line with its indentation. */
export const space: Expression = optional(either(text(' '), sequence(text('\n'), repeat(text(' '), 0, 24))));
export const comma: Expression = sequence(text(','), space);
export const colon: Expression = sequence(text(':'), space);

/** Those that stand in a JSON string as they are. */
const plain: Range[] = complement([[0, 0x1f], [0x22, 0x22], [0x5c, 0x5c], [0x7f, 0x7f]]);

/** One character of a string, as it is or escaped; halves of surrogate pairs are none. */
export const stringCharacter: Expression = either(
  { chars: plain },
  sequence(text('\\'), either(
    { chars: [...'"\\/bfnrt'].map((each): Range => [each.charCodeAt(0), each.charCodeAt(0)]) },
    sequence(text('u'), either(
      sequence({ chars: [[0x30, 0x39], [0x41, 0x43], [0x45, 0x46], [0x61, 0x63], [0x65, 0x66]] }, { chars: hex }),
      sequence({ chars: [[0x44, 0x44], [0x64, 0x64]] }, chars([0x30, 0x37])),
    ), { chars: hex }, { chars: hex }),
  )),
);

/** A character of these ranges within a string, in its one shortest spelling. */
export function writeInString(ranges: readonly Range[]): Expression {
  const escaped = intersection(ranges, complement(plain)).flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i));
  const asTheyAre = intersection(ranges, plain);
  return either(
    ...(asTheyAre.length || !escaped.length ? [{ chars: asTheyAre }] : []),
    ...escaped.map((code) => text(code === 0x7f ? '\x7f' : JSON.stringify(String.fromCharCode(code)).slice(1, -1))),
  );
}

export const quoted = (content: Expression): Expression => sequence(text('"'), content, text('"'));

/** Any string that is none of these: as it could be spelt in several ways, without any escapes. */
export function stringExcept(names: readonly string[]): Expression {
  const characters = (except: readonly string[]): Expression => ({
    chars: intersection(plain, complement(except.map((each): Range => [each.codePointAt(0)!, each.codePointAt(0)!]))),
  });
  const rest = repeat(characters([]), 0);
  const differs = (all: readonly string[][]): Expression => {
    const next = [...new Set(all.flatMap(([first]) => first ?? []))].filter((each) => each >= ' ' && !'"\\\x7f'.includes(each));
    return either(
      ...(all.some((each) => !each.length) ? [] : [sequence()]),
      sequence(characters(next), rest),
      ...next.map((first) => sequence(text(first), differs(all.filter((each) => each[0] === first).map((each) => each.slice(1))))),
    );
  };
  return quoted(differs(names.map((name) => [...name])));
}

const integerDigits: Expression = either(text('0'), sequence(chars([0x31, 0x39]), repeat(digit, 0, 14)));
export const anyInteger: Expression = sequence(optional(text('-')), integerDigits);
export const anyNumber: Expression = sequence(
  anyInteger,
  optional(sequence(text('.'), repeat(digit, 1, 15))),
  optional(sequence(chars([0x45, 0x45], [0x65, 0x65]), optional(chars([0x2b, 0x2b], [0x2d, 0x2d])), repeat(digit, 1, 2))),
);

export const listOf = (item: Expression, least: number, most: number): Expression => {
  if (most === 0) return sequence(text('['), space, text(']'));
  const items = sequence(item, repeat(sequence(comma, item), Math.max(0, least - 1), most - 1));
  return sequence(text('['), space, least > 0 ? items : optional(items), space, text(']'));
};

/** The rules of any JSON, by which others may refer to it. */
export const jsonRules: readonly (readonly [string, Expression])[] = [
  ['string', quoted(repeat(stringCharacter, 0))],
  ['integer', anyInteger],
  ['number', anyNumber],
  ['boolean', either(text('true'), text('false'))],
  ['null', text('null')],
  ['array', listOf(rule('value'), 0, Infinity)],
  ['member', sequence(rule('string'), colon, rule('value'))],
  ['object', sequence(
    text('{'), space, optional(sequence(rule('member'), repeat(sequence(comma, rule('member')), 0))), space, text('}'),
  )],
  ['value', either(rule('object'), rule('array'), rule('string'), rule('number'), rule('boolean'), rule('null'))],
];
