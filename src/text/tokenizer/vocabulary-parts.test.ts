// Real vocabularies of which the fixtures have the tokens and merges that their texts can use: each text has the ids that it has with all of them.
import fs from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { type MetadataValue } from '../../gguf/header.ts';
import { record } from '../../../test/verified.ts';
import { createTokenizer } from './tokenizer.ts';
import { TokenKind } from './vocabulary.ts';

interface Part {
  tokens: string[];
  /** Of each token the id that it has in the whole vocabulary. */
  ids: number[];
  merges: string[];
  texts: string[];
  expected: number[][];
}

/** Who else has told the ids. */
const parts = {
  qwen35: { model: 'gpt2', pre: 'qwen35', by: "tiktoken, with Qwen's pattern and ranks" },
  gemma4: { model: 'gemma4', pre: undefined, by: "llama.cpp's tests" },
};

it.each(Object.entries(parts))('%s gives the ids that others have', (name, { model, pre, by }) => {
  const file = new URL(`../../../test/fixtures/text/${name}.part.json.gz`, import.meta.url);
  const { tokens, ids, merges, texts, expected } = JSON.parse(gunzipSync(fs.readFileSync(file)).toString()) as Part;
  const { Normal, Control, Byte } = TokenKind;
  const kindOf = (token: string) => (token === '<bos>' ? Control : model === 'gemma4' && /^<0x[0-9A-F]{2}>$/.test(token) ? Byte : Normal);
  const metadata = new Map<string, MetadataValue>([
    ['tokenizer.ggml.model', model], ['tokenizer.ggml.tokens', tokens], ['tokenizer.ggml.token_type', tokens.map(kindOf)],
    ['tokenizer.ggml.merges', merges],
    ...(pre ? ([['tokenizer.ggml.pre', pre]] as const) : [['tokenizer.ggml.bos_token_id', tokens.indexOf('<bos>')] as const]),
  ]);
  const tokenizer = createTokenizer(metadata);
  expect(texts.length).toBeGreaterThan(14);
  const wrong = texts.flatMap((text, i) => {
    const found = tokenizer.encode(text).map((id) => ids[id]).join(' ');
    return found === expected[i].join(' ') ? [] : [`${JSON.stringify(text)}: ${found}, not ${expected[i].join(' ')}`];
  });
  expect(wrong.slice(0, 5), `${wrong.length} wrong`).toEqual([]);
  record({ point: `Vocabulary ${name}: texts with the ids of ${by}`, command: 'npx vitest run --project unit src/text/tokenizer', value: texts.length });
});
