// Answers that keep to a grammar, by the whole engine on Dawn: drawn from a model that knows nothing of JSON, they pass their
// schemas or, where they are cut, begin as an answer that would.
import { Validator } from '@cfworker/json-schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Engine } from '../../../src/engine/engine.ts';
import { type ResponseGrammar } from '../../../src/protocol.ts';
import { createConstraints } from '../../../src/text/grammar/constraint.ts';
import { readGrammar } from '../../../src/text/grammar/grammar.ts';
import { type Answer, answer, openEngine, quick, stories } from '../../engine.ts';
import { schemas } from '../../api/schemas.ts';
import { record } from '../../verified.ts';

const runs = process.env.WINDROW_FULL === '1' ? 10 : 1;

describe('an answer with a grammar', () => {
  const engine: Engine = openEngine();
  beforeAll(() => engine.load(stories(), quick));
  afterAll(() => engine.unload());

  const ask = (grammar: ResponseGrammar, seed: number, maxTokens = 160, temperature = 1): Promise<Answer> =>
    answer(engine, { prompt: { text: 'Once upon a time' }, grammar, maxTokens, sampling: { temperature, seed } });

  /** Whether an answer begins as one that the grammar allows. */
  function isBeginning(grammar: ResponseGrammar, ids: readonly number[]): boolean {
    const { text, model } = engine.loaded();
    const { tokenizer, template } = text!;
    const constraint = createConstraints(readGrammar(grammar), { tokenizer, ends: template.endOfTurn, size: model.graph.config.vocab }).begin();
    ids.forEach((id) => constraint.accept(id));
    return true;
  }

  it('passes its schema, or is the beginning of an answer that would', async () => {
    let whole = 0;
    for (const [name, schema] of Object.entries(schemas)) {
      for (let seed = 1; seed <= runs; seed++) {
        const { text, ids, reason } = await ask({ schema }, seed);
        if (reason === 'length') {
          expect(isBeginning({ schema }, ids)).toBe(true);
          continue;
        }
        whole++;
        const { valid, errors } = new Validator(schema, '2020-12').validate(JSON.parse(text));
        expect(valid, `${name}: ${text} ${JSON.stringify(errors[0])}`).toBe(true);
      }
    }
    const all = Object.keys(schemas).length * runs;
    expect(whole).toBeGreaterThan(all / 2);
    record({
      point: `Answers at temperature 1 to ${Object.keys(schemas).length} schemas that pass them, or are cut and begin so`,
      command: 'npx vitest run --project gpu test/gpu/api/grammar',
      value: all,
    });
  });

  it('is text of a regular expression or of a grammar in EBNF', async () => {
    for (let seed = 1; seed <= 3; seed++) {
      expect((await ask({ regex: '(?:red|green) [0-9]{2,4}' }, seed)).text).toMatch(/^(?:red|green) [0-9]{2,4}$/);
      expect((await ask({ ebnf: 'root ::= greeting ", " name "!"\ngreeting ::= "Hi" | "Good " ("day" | "night")\nname ::= [A-Z] [a-z]{1,6}' }, seed)).text)
        .toMatch(/^(?:Hi|Good (?:day|night)), [A-Z][a-z]{1,6}!$/);
    }
  });

  it('ends where nothing may follow, and is cut by the most tokens', async () => {
    const whole = await ask({ regex: 'once upon a time' }, 1);
    expect([whole.text, whole.reason]).toEqual(['once upon a time', 'stop']);
    const cut = await ask({ regex: 'once upon a time' }, 1, 3);
    expect([cut.ids.length, cut.reason, 'once upon a time'.startsWith(cut.text)]).toEqual([3, 'length', true]);
  });

  it('is the same with the same seed, alone and beside another', async () => {
    const schema = schemas['a list of objects'];
    const [alone] = [await ask({ schema }, 7)];
    const free = answer(engine, { prompt: { text: 'The' }, maxTokens: 40 });
    const together = await Promise.all([ask({ schema }, 7), ask({ schema: schemas['a person'] }, 8), free]);
    expect(together[0].text).toBe(alone.text);
  });

  it('is refused with the name of what cannot be held, and the next request is right', async () => {
    const unsupported = { code: 'unsupported_schema', message: expect.stringContaining('the keyword not') };
    await expect(ask({ schema: { not: { type: 'string' } } }, 1)).rejects.toMatchObject(unsupported);
    await expect(ask({ ebnf: 'root ::= ' + '"a" (' }, 1)).rejects.toMatchObject({ code: 'unsupported_grammar' });
    expect((await ask({ regex: 'yes' }, 1)).text).toBe('yes');
  });
});
