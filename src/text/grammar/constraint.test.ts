// Answers made of tokens that the masks allow, one at random each time: what they come to has to pass the schema, by a
// validator that is not ours, whatever the vocabulary.
import { Validator } from '@cfworker/json-schema';
import { beforeAll, describe, expect, it } from 'vitest';
import { readVocabularyFixture } from '../../../test/fixtures/text/read.ts';
import { schemas } from '../../../test/api/schemas.ts';
import { RequestError } from '../../errors.ts';
import { type ResponseGrammar } from '../../protocol.ts';
import { type Tokenizer, createTokenizer } from '../tokenizer/tokenizer.ts';
import { createAutomaton } from './automaton.ts';
import { createMachine } from './configurations.ts';
import { mulberry32 } from '../../random.ts';
import { type ConstraintSource, type Vocabulary, createConstraints } from './constraint.ts';
import { readGrammar } from './grammar.ts';

const vocabularies = ['gpt-2', 'llama-spm', 'qwen2', 'stories260K'];
const full = process.env.WINDROW_FULL === '1';

function allowed(mask: Uint32Array): number[] {
  const ids: number[] = [];
  mask.forEach((word, i) => {
    for (let left = word; left; left &= left - 1) ids.push(32 * i + 31 - Math.clz32(left & -left));
  });
  return ids;
}

/** A bit for each token that brings what is open to an end. */
function closingOf({ tokenizer, size }: Vocabulary): Uint32Array {
  const bits = new Uint32Array(Math.ceil(size / 32));
  for (let id = 0; id < tokenizer.vocabSize; id++) if (/^(?:b\d?|\d)?["\]},]*$/.test(tokenizer.decode([id]))) bits[id >> 5] |= 1 << (id & 31);
  return bits;
}

interface Made {
  text: string;
  ids: number[];
  isWhole: boolean;
}

/** Random tokens; after 40 of them what brings the text to an end, where it may come. */
function make(source: ConstraintSource, { tokenizer, ends }: Vocabulary, closing: Uint32Array, seed: number): Made {
  const next = mulberry32(seed);
  const constraint = source.begin();
  const ids: number[] = [];
  while (!constraint.isComplete && ids.length < 1500) {
    const mask = constraint.mask();
    const isLate = ids.length > 40;
    if (isLate && constraint.mayEnd) break;
    const ending = isLate && next() < 0.8 ? allowed(mask.map((word, i) => word & closing[i])) : [];
    const from = ending.length ? ending : allowed(mask);
    const id = from[Math.floor(next() * from.length)];
    constraint.accept(id);
    if (ends.has(id)) break;
    ids.push(id);
  }
  return { text: tokenizer.decode(ids), ids, isWhole: constraint.isComplete || constraint.mayEnd };
}

describe.each(vocabularies)('with the vocabulary %s', (name) => {
  let tokenizer: Tokenizer;
  let vocabulary: Vocabulary;
  let closing: Uint32Array;
  const constraintsFor = (asked: ResponseGrammar) => createConstraints(readGrammar(asked), vocabulary);
  beforeAll(async () => {
    tokenizer = createTokenizer(await readVocabularyFixture(name));
    vocabulary = { tokenizer, ends: tokenizer.endOfTurn, size: tokenizer.vocabSize + 40 };
    closing = closingOf(vocabulary);
  });

  it.each(Object.entries(schemas))('random answers pass: %s', (_, schema) => {
    const source = constraintsFor({ schema });
    const validator = new Validator(schema, '2020-12');
    for (let seed = 1; seed <= (full ? 20 : 3); seed++) {
      const { text, isWhole } = make(source, vocabulary, closing, seed);
      expect(isWhole, text).toBe(true);
      const { valid, errors } = validator.validate(JSON.parse(text));
      expect(valid, `${text}\n${JSON.stringify(errors[0])}`).toBe(true);
    }
  });

  it('allows exactly the tokens after which the text can go on', () => {
    const source = constraintsFor({ schema: schemas['a list of objects'] });
    const { ids } = make(source, vocabulary, closing, 5);
    const first = source.begin();
    ids.slice(0, 12).forEach((id) => first.accept(id));
    const may = new Set(allowed(first.mask()));
    const wrong: number[] = [];
    for (let id = 0; id < tokenizer.vocabSize; id += 7) {
      const again = source.begin();
      ids.slice(0, 12).forEach((each) => again.accept(each));
      let isTaken = true;
      try {
        again.accept(id);
      } catch {
        isTaken = false;
      }
      if (isTaken !== may.has(id)) wrong.push(id);
    }
    expect(wrong).toEqual([]);
  });

  it.runIf(name === 'qwen2')('counts what it follows, not how often: a mask of many threads is refused before it takes long', () => {
    const constraint = constraintsFor({ regex: '.*a.{0,3000}' }).begin();
    for (let i = 0; i < 400; i++) constraint.accept(tokenizer.find('a')!); // each begins a count of its own
    expect(() => constraint.mask()).toThrow('takes too long to follow');
  });

  it('knows the tokens of a text that can only come, and leaves the last of them to be chosen', () => {
    const constraint = constraintsFor({ regex: '(?:a|b)the only way to go on from here(?:!|\\?)' }).begin();
    expect(constraint.forced()).toEqual([]); // there is a choice
    constraint.accept(tokenizer.find('a')!);
    const forced = constraint.forced();
    const text = 'the only way to go on from here';
    expect(forced.length).toBeGreaterThan(2);
    expect(text.startsWith(tokenizer.decode(forced)) && tokenizer.decode(forced).length < text.length).toBe(true);
    forced.forEach((id) => constraint.accept(id));
  });

  it('cuts such a text as it is cut within the whole, also where tokenising puts a space before a text', () => {
    const constraint = constraintsFor({ regex: '(?:a|b) the only way to go on\\nfrom (?:here|there)' }).begin();
    const whole = tokenizer.encode('a the only way to go on\nfrom there', { continues: true });
    constraint.accept(whole[0]);
    const forced = constraint.forced();
    expect(forced.length).toBeGreaterThan(6);
    expect(forced).toEqual(whole.slice(1, 1 + forced.length));
    forced.forEach((id) => constraint.accept(id));
  });
});

describe('what is read', () => {
  let vocabulary: Vocabulary;
  beforeAll(async () => {
    const tokenizer = createTokenizer(await readVocabularyFixture('stories260K'));
    vocabulary = { tokenizer, ends: tokenizer.endOfTurn, size: tokenizer.vocabSize };
  });
  const constraintsFor = (asked: ResponseGrammar) => createConstraints(readGrammar(asked), vocabulary);
  const byteToken = (byte: number): number => vocabulary.tokenizer.find(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)!;
  /** Whether a text, byte by byte, is one of a grammar. */
  function takes(asked: ResponseGrammar, text: string): boolean {
    const constraint = constraintsFor(asked).begin();
    try {
      for (const byte of new TextEncoder().encode(text)) constraint.accept(byteToken(byte));
    } catch {
      return false;
    }
    return constraint.mayEnd;
  }

  it.each([
    ['a|bc*', ['a', 'b', 'bcc'], ['', 'ac', 'abc']],
    ['[^a-c\\d]{2,3}', ['xy', '\u{1f600}é-'], ['x', 'xa', 'x1', 'wxyz']],
    ['^(?:\\u00e9|\\x41|\\u{1F600})+?$', ['éA', '😀'], ['e', '']],
    ['(?<year>\\d{4})-\\w\\W\\s\\S', ['2024-a- x'], ['2024-a-xx', '204-a- x']],
    ['\\p{Script=Greek}[\\]\\-^]\\/\\.', ['α]/.', 'Ω-/.', 'ω^/.'], ['a]/.', 'α]/x']],
    ['(a{2}){1,2}b{0}c?', ['aa', 'aaaac'], ['a', 'aaa', 'aab']],
    ['x{6,9}', ['x'.repeat(6), 'x'.repeat(9)], ['x'.repeat(5), 'x'.repeat(10)]],
    ['x{7,}', ['x'.repeat(7), 'x'.repeat(30)], ['x'.repeat(6)]],
  ])('the regular expression %s', (regex, good, bad) => {
    for (const text of good) expect([text, takes({ regex }, text), new RegExp(`^(?:${regex})$`, 'u').test(text)]).toEqual([text, true, true]);
    for (const text of bad) expect([text, takes({ regex }, text)]).toEqual([text, false]);
  });

  it.each([
    ['root ::= "a" b* # comment\nb ::= "b" |\n  "c"', ['a', 'abcb'], ['b', 'ad']],
    ['root ::= ("x" | "y"){2} [^\\n"]? end\nend ::= "\\u00e9" | ""', ['xy', 'xyzé', 'yxé'], ['x', 'xy\n']],
    ['root ::= "(" root ")" | "1"', ['1', '((1))'], ['(1', '()']],
    ['root ::= [a-z]+ ("," [a-z]+)*', ['a,b', 'abc'], ['a,', ',']],
    ['root ::= "a"{2,} . "\\"\\\\"', ['aax"\\', 'aaa"\\'], ['ax"\\']],
  ])('the grammar %s', (ebnf, good, bad) => {
    for (const text of good) expect([text, takes({ ebnf }, text)]).toEqual([text, true]);
    for (const text of bad) expect([text, takes({ ebnf }, text)]).toEqual([text, false]);
  });

  it('numbers within bounds, those outside of them not', () => {
    const cases = '-100 -99.5 -1 -0.26 -0.25 -0.1 0 0.0 0.3 0.35 0.4 0.999 1 1.0 1.25 1.5 1.51 2 9 10 99 100.1'.split(' ');
    for (const minimum of [-100, -0.25, 0, 0.35, 1]) {
      for (const maximum of [-0.1, 0, 0.4, 1, 1.5, 100]) {
        for (const bounds of [{ minimum, maximum }, { exclusiveMinimum: minimum, exclusiveMaximum: maximum }]) {
          const [low, high] = [minimum, maximum];
          if (low >= high) continue;
          const is = (value: number) => ('minimum' in bounds ? value >= low && value <= high : value > low && value < high);
          const wrong = cases.filter((text) => takes({ schema: { type: 'number', ...bounds } }, text) !== is(Number(text)));
          expect([bounds, wrong]).toEqual([bounds, []]);
          const whole = cases.filter((text) => !text.includes('.'));
          if (!Array.from({ length: 200 }, (_, i) => i - 100).some(is)) continue;
          expect([bounds, whole.filter((text) => takes({ schema: { type: 'integer', ...bounds } }, text) !== is(Number(text)))]).toEqual([bounds, []]);
        }
      }
    }
  });

  const deep = (levels: number): object => (levels ? { type: 'array', items: deep(levels - 1) } : { type: 'integer' });
  it.each([
    [{ not: { type: 'string' } }, 'the keyword not'],
    [{ type: 'array', uniqueItems: true }, 'uniqueItems'],
    [{ type: 'integer', multipleOf: 3 }, 'multipleOf'],
    [{ type: 'object', properties: { a: { if: {}, then: {} } } }, '#/properties/a/if'],
    [{ type: 'string', pattern: '^(?=a)' }, 'look-around'],
    [{ type: 'string', pattern: 'a', minLength: 2 }, 'a length beside a pattern'],
    [{ type: 'string', pattern: '(' }, 'Invalid regular expression'],
    [{ enum: ['a'], pattern: '(' }, 'Invalid regular expression'],
    [{ enum: ['a'], pattern: 5 }, 'no text'],
    [{ enum: ['a'], pattern: '\\ba' }, 'a word boundary'],
    [{ type: 'string', format: 'colour' }, 'the format "colour"'],
    [{ type: 'wrong' }, 'the type "wrong"'],
    [{ $ref: '#/$defs/none' }, 'to which nothing belongs'],
    [{ $defs: { '100%': {} }, $ref: '#/$defs/100%' }, '% is written %25'],
    [{ $ref: '#' }, 'a reference to itself'],
    [{ $ref: 'https://example.org/schema' }, 'within the schema'],
    [{ oneOf: [{ type: 'integer' }, { type: 'number' }] }, 'might hold at once'],
    [{ type: 'object', dependentRequired: { a: ['b'] } }, 'dependentRequired'],
    [deep(300), 'levels'],
    [{ enum: Array.from({ length: 6000 }, (_, i) => i) }, '6000 values'],
    [{ anyOf: Array.from({ length: 60_000 }, () => ({})) }, 'values'],
    [{ type: 'array', items: { type: 'integer' }, maxItems: 1e9 }, 'counts go up to'],
    [{ type: 'string', pattern: '^((a{1,50}){1,50}){1,50}$' }, 'repeats within what is repeated'],
    [{ type: 'number', minimum: 1e300 }, 'the bound 1e+300'],
    [false, 'has no text'],
    [{ allOf: [{ type: 'integer' }, { type: 'string' }] }, 'has no text'],
    [{ $defs: { a: { type: 'object', properties: { a: { $ref: '#/$defs/a' } }, required: ['a'] } }, $ref: '#/$defs/a' }, 'never comes to an end'],
  ])('refuses the schema %j by what it has', (schema, message) => {
    expect(() => constraintsFor({ schema })).toThrow(message);
    expect(() => constraintsFor({ schema })).toThrow(RequestError);
  });

  it.each([
    ['root ::= root "a" | "b"', 'begins with itself'],
    ['root ::= a\na ::= [b]? root', 'begins with itself'],
    ['root ::= a', 'no rule a'],
    ['a ::= "b"', 'no rule root'],
    ['root ::= "a', 'Line 1'],
    ['root ::= "a"\nroot ::= "b"', 'Line 2'],
    [`root ::= ${'('.repeat(200)}"a"${')'.repeat(200)}`, 'deep'],
    ['root ::= "x" root', 'has no text'],
  ])('refuses the grammar %s', (ebnf, message) => {
    expect(() => constraintsFor({ ebnf })).toThrow(message);
  });

  it('ends with an error, not with the machine, where a grammar is too ambiguous to follow', () => {
    const constraint = constraintsFor({ ebnf: 'root ::= s\ns ::= "a" | "a" s "b" s | "a" s s' }).begin();
    const a = byteToken(0x61);
    expect(() => {
      for (let i = 0; i < 5000; i++) constraint.accept(a);
    }).toThrow(RequestError);
  });

  it('forgets what it has met by the threads of it, not by their number', () => {
    const { start, classes, step } = createMachine(createAutomaton(readGrammar({ regex: '.*a.{0,3000}' })));
    let at = start;
    for (let i = 0; i < 1000; i++) {
      at = step(at, classes[0x61])!;
      if (i === 100) expect(start.next).not.toEqual([]);
    }
    expect(start.next).toEqual([]);
    expect(at.threads.length).toBeGreaterThan(1000);
  });

  it('takes as many listed values as a schema may have', () => {
    const schema = { enum: [...Array.from({ length: 4998 }, (_, i) => `value ${i}`), 'é', ''] };
    expect(['"value 0"', '"value 4997"', '"é"', '""'].filter((text) => !takes({ schema }, text))).toEqual([]);
    expect(['"value 4998"', '"value "', '"value 00"'].filter((text) => takes({ schema }, text))).toEqual([]);
  });

  it('tests listed values by the automaton: no pattern takes longer than their text is', () => {
    const pattern = '^(a+)+b$';
    const schema = { enum: ['aab', `${'a'.repeat(60)}!`, 'b'], pattern };
    expect(['"aab"', `"${'a'.repeat(60)}!"`, '"b"'].map((text) => takes({ schema }, text))).toEqual([true, false, false]);
    const named = { type: 'object', properties: { [`${'a'.repeat(60)}!`]: { type: 'null' } }, patternProperties: { [pattern]: { type: 'null' } } };
    expect(takes({ schema: named }, '{"aab":null}')).toBe(true);
    const matching = { ...named, properties: { aab: { type: 'null' } } };
    expect(() => takes({ schema: matching }, '')).toThrow('a pattern that the property aab matches too');
  });

  it('brings what is nested without end to its end', () => {
    const constraint = constraintsFor({ json: true }).begin();
    const byte = (text: string) => byteToken(text.charCodeAt(0));
    const has = (id: number) => (constraint.mask()[id >> 5] >>> (id & 31)) & 1;
    let made = '';
    const put = (text: string) => [...text].forEach((each) => {
      constraint.accept(byte(each));
      made += each;
    });
    put('{"a":');
    while (has(byte('['))) put('[');
    expect(made.length).toBeGreaterThan(50);
    while (!constraint.isComplete) put(has(byte(']')) ? ']' : '}');
    expect(() => JSON.parse(made)).not.toThrow();
  });
});
