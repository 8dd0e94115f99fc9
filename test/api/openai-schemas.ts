// The long part of openai-suite.ts: answers in the form of every schema, ten times each, whole and streamed by turns. An answer that passes is
// whole; one that is cut begins as one that would, by the grammar over single bytes, which is no model's.
import { Validator } from '@cfworker/json-schema';
import type OpenAI from 'openai';
import { type ConstraintSource, createConstraints } from '../../src/text/grammar/constraint.ts';
import { readGrammar } from '../../src/text/grammar/grammar.ts';
import { type Tokenizer } from '../../src/text/tokenizer/tokenizer.ts';
import { holds, model } from './openai-checks.ts';
import { schemas } from './schemas.ts';

/** The seeds of each schema. */
const seeds = Array.from({ length: 10 }, (_, i) => i + 1);

/** A token for each byte, and one that ends. */
const bytes: Pick<Tokenizer, 'vocabSize' | 'endOfTurn' | 'bos' | 'piece' | 'isControl' | 'find' | 'spelling'> = {
  vocabSize: 257, endOfTurn: new Set([256]), bos: undefined,
  piece: (id) => Uint8Array.of(id), isControl: (id) => id === 256, find: () => undefined, spelling: String,
};

function holdsBeginning(source: ConstraintSource, name: string, text: string): void {
  const constraint = source.begin();
  try {
    for (const byte of new TextEncoder().encode(text)) constraint.accept(byte);
  } catch (error) {
    throw new Error(`${name}: ${text} is cut, and begins as no answer that passes: ${(error as Error).message}`);
  }
}

/** Answers to the schema, one for each seed; how many of them are whole. */
async function answersTo(client: OpenAI, name: string): Promise<number> {
  const schema = schemas[name] as Record<string, unknown>;
  const source = createConstraints(readGrammar({ schema }), { tokenizer: bytes as Tokenizer, ends: bytes.endOfTurn, size: bytes.vocabSize });
  const validator = new Validator(schema, '2020-12');
  let whole = 0;
  for (const seed of seeds) {
    const params = {
      model, seed, temperature: 1, max_completion_tokens: 160, messages: [{ role: 'user' as const, content: 'Light!' }],
      response_format: { type: 'json_schema' as const, json_schema: { name: 'answer', schema } },
    };
    const { text, reason } = await (seed % 2 ? askWhole : askStreamed)(client, params);
    if (reason === 'length') {
      holdsBeginning(source, name, text);
      continue;
    }
    whole++;
    const { valid, errors } = validator.validate(JSON.parse(text));
    holds(valid, `${name}: ${text} ${JSON.stringify(errors[0])}`);
  }
  return whole;
}

type Params = OpenAI.ChatCompletionCreateParamsNonStreaming;

async function askWhole(client: OpenAI, params: Params): Promise<{ text: string; reason: string | null }> {
  const { choices: [{ message: { content }, finish_reason: reason }] } = await client.chat.completions.create(params);
  return { text: content!, reason };
}

async function askStreamed(client: OpenAI, params: Params): Promise<{ text: string; reason: string | null }> {
  const heard: { text: string; reason: string | null } = { text: '', reason: null };
  for await (const { choices: [{ delta, finish_reason }] } of await client.chat.completions.create({ ...params, stream: true })) {
    heard.text += delta.content ?? '';
    heard.reason ??= finish_reason;
  }
  return heard;
}

/** Of each check. */
const schemasAtOnce = 7;

/** Of each check, how many of its 70 answers are whole at least: nine tenths of 70, 70, 59, 70, 69 and 58 on lavapipe, as adapters round differently. */
const wholeAtLeast = [63, 63, 53, 63, 62, 52];

/** A check that tells how many answers are whole. */
export type SchemaCheck = (client: OpenAI) => Promise<number>;

/** Answers to all schemas, some of them at once: 0 that do not pass, and not many that are cut. */
export const schemaChecks: Record<string, SchemaCheck> = Object.fromEntries(
  Array.from({ length: Math.ceil(Object.keys(schemas).length / schemasAtOnce) }, (_, i): [string, SchemaCheck] => {
    const names = Object.keys(schemas).slice(schemasAtOnce * i, schemasAtOnce * (i + 1));
    return [`answers in the form of schemas ${schemasAtOnce * i + 1} to ${schemasAtOnce * i + names.length}, ${seeds.length} times each`, async (client) => {
      let whole = 0;
      for (const name of names) whole += await answersTo(client, name);
      holds(whole >= wholeAtLeast[i], `${whole} of ${names.length * seeds.length} answers are whole, ${wholeAtLeast[i]} at least`);
      return whole;
    }];
  }),
);
