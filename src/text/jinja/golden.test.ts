// Against Jinja2 itself, set up as transformers does it: scripts/fixtures/jinja-goldens.py made the fixtures.
import fs from 'node:fs';
import { jsonFixture } from '../../../test/models/fixture.ts';
import { describe, expect, it } from 'vitest';
import { parseTemplate, runTemplate, TemplateException } from './run.ts';
import { JinjaError } from './python/values.ts';

const folder = new URL('../../../test/fixtures/jinja/', import.meta.url);
const read = (name: string): string => fs.readFileSync(new URL(name, folder), 'utf8');

/** The text, or null where the template raises; anything else that is thrown is a fault of the interpreter. */
function render(source: string, variables: Record<string, unknown>, now: Date): string | null {
  try {
    return runTemplate(parseTemplate(source), variables, now);
  } catch (error) {
    if (error instanceof JinjaError || error instanceof TemplateException) return null;
    throw error;
  }
}

interface Difference {
  source: string;
  want: string | null;
  got: string | null;
}

describe('expressions give what Jinja2 makes of them', () => {
  const { now, variables, sections } = jsonFixture<{
    now: string;
    variables: Record<string, unknown>;
    sections: Record<string, [source: string, want: string | null][]>;
  }>('jinja/expressions.json');

  it('reported', () => {
    const {
      messages,
      variables: others,
      cases,
    } = JSON.parse(read('reported.json')) as { messages: unknown[]; variables: Record<string, unknown>; cases: [string, string][] };
    expect(cases.map(([source]) => [source, render(source, { messages, ...others }, new Date(now))])).toEqual(cases);
  });

  it('are more than 16,000', () => {
    expect(Object.values(sections).reduce((sum, cases) => sum + cases.length, 0)).toBeGreaterThan(16_000);
  });

  it.each(Object.entries(sections))('%s', (_, cases) => {
    const differences: Difference[] = [];
    for (const [source, want] of cases) {
      const got = render(source, variables, new Date(now));
      if (got !== want) differences.push({ source, want, got });
    }
    expect(differences).toEqual([]);
  });
});

interface Conversations {
  now: string;
  conversations: Record<string, unknown[]>;
  /** Whether an answer is to come, tools, and variables of the caller. */
  ways: [addGenerationPrompt: boolean, tools: unknown[] | null, more: Record<string, unknown>][];
  results: Record<string, Record<string, (string | null)[]>>;
}

describe.each([
  ['templates written for tests', 'templates', 'conversations'],
  ['templates as models come with them', 'shipped', 'shipped'],
])('%s give what Jinja2 makes of conversations', (_, templates, goldens) => {
  const { now, conversations, ways, results } = jsonFixture<Conversations>(`jinja/${goldens}.json`);

  it.each(Object.entries(results))('%s', (file, wanted) => {
    const source = read(`${templates}/${file}`);
    const differences: Difference[] = [];
    for (const [name, texts] of Object.entries(wanted)) {
      texts.forEach((want, i) => {
        const [ends, tools, more] = ways[i];
        const variables = {
          bos_token: '<s>',
          eos_token: '</s>',
          unk_token: '<unk>',
          messages: conversations[name],
          tools,
          documents: null,
          add_generation_prompt: ends,
          ...more,
        };
        const got = render(source, variables, new Date(now));
        if (got !== want) differences.push({ source: `${name}, ${i}`, want, got });
      });
    }
    expect(differences).toEqual([]);
  });
});
