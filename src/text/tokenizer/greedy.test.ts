import { beforeAll, describe, expect, it } from 'vitest';
import { jsonFixture } from '../../../test/models/fixture.ts';
import { type Metadata } from '../../gguf/header.ts';
import { createTemplate } from '../template.ts';
import { unescapeBytes } from './greedy.ts';
import { createTokenizer, loadTokenizer, type Tokenizer } from './tokenizer.ts';

/** A vocabulary as files of RWKV have it, and texts with their ids: by llama.cpp, and by the published algorithm (test/fixtures/README.md). */
const world = jsonFixture<{ tokens: string[]; types: number[]; eot: number; cases: { text: string; ids: number[] }[] }>('text/rwkv-world.json');
const metadata: Metadata = new Map<string, never>([
  ['tokenizer.ggml.model', 'rwkv'], ['tokenizer.ggml.tokens', world.tokens], ['tokenizer.ggml.token_type', world.types],
  ['tokenizer.ggml.bos_token_id', 0], ['tokenizer.ggml.eos_token_id', 0], ['tokenizer.ggml.eot_token_id', world.eot],
  ['tokenizer.chat_template', 'rwkv-world'],
] as [string, never][]);

describe('the World tokenizer', () => {
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    await loadTokenizer(metadata);
    tokenizer = createTokenizer(metadata);
  });

  it('takes the longest token at each place, and gives the text back', () => {
    for (const { text, ids } of world.cases) {
      expect(tokenizer.encode(text), text).toEqual(ids);
      expect(tokenizer.decode(ids)).toBe(text);
    }
  });

  it('reads escaped bytes as Python writes them', () => {
    const found = ['a\\\\n', '\\n\\t\\r', "\\'", '\\xe4\\xbd', '\\x41b', 'é'].map((spelling) => [...unescapeBytes(spelling)]);
    expect(found).toEqual([[97, 92, 110], [10, 9, 13], [39], [0xe4, 0xbd], [0x41, 98], [0xc3, 0xa9]]);
  });

  it('has control tokens from the template alone, and padding from nowhere', () => {
    expect(tokenizer.encode('<s>')).not.toContain(0);
    expect(tokenizer.encode('<s>', { parseSpecial: true })).toEqual([0]);
    expect(tokenizer.encode('[PAD0]').some((id) => world.types[id] === 5)).toBe(false);
  });

  it('writes conversations as llama.cpp does where a file names its template rwkv-world, and ends an answer with an empty line', () => {
    const template = createTemplate(metadata, tokenizer);
    const said = [['system', 'Be brief.'], ['user', ' Hi. '], ['assistant', 'Yes?'], ['user', 'Bye']];
    const messages = said.map(([role, content]) => ({ role, content }));
    expect(template.render(messages)).toBe('System: Be brief.\n\nUser: Hi.\n\nAssistant: Yes?\n\nUser: Bye\n\nAssistant:');
    expect(template.notices).toEqual([]);
    expect(template.endOfTurn.has(world.eot)).toBe(true);
  });

  it('refuses a vocabulary that lacks a byte', () => {
    const tokens = world.tokens.map((token) => (token === 'a' ? 'aaaaaaaaaaaa' : token));
    expect(() => createTokenizer(new Map(metadata).set('tokenizer.ggml.tokens', tokens))).toThrow(/no token for the byte 97/);
  });
});
