// What the command line says where no device is opened, most of it refusals: in this process, as a program start for each takes seconds.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it, vi } from 'vitest';
import { fixture } from '../../test/models/fixture.ts';
import { main } from './main.ts';
import { temporaryFolder } from '../../test/folder.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = temporaryFolder('main');
const at = (name: string) => join(folder, name);
const model = at('stories260K.gguf');

beforeAll(() => writeFileSync(model, fixture('stories260K/stories260K.gguf')));

const missing = at('missing.gguf');
const errors: [title: string, args: string[], name: string, message: RegExp][] = [
  ['no command', [], 'RequestError', /no command/],
  ['an unknown command', ['gnerate', model], 'RequestError', /unknown command 'gnerate'/],
  ['no model', ['generate'], 'RequestError', /missing required argument 'model'/],
  ['an unknown option', ['generate', model, '--prompt', 'x', '--speed', '9'], 'RequestError', /unknown option '--speed'/],
  ['an option without its value', ['generate', model, '--prompt'], 'RequestError', /--prompt <text>' argument missing/],
  ['no prompt', ['generate', model], 'RequestError', /Give one of --prompt, --chat and --tokens/],
  ['two prompts', ['generate', model, '--prompt', 'x', '--tokens', '1'], 'RequestError', /Give one of/],
  ['a system message without a chat', ['generate', model, '--prompt', 'x', '--system', 'y'], 'RequestError', /--system goes with --chat/],
  [
    'variables of a template without a chat',
    ['generate', model, '--prompt', 'x', '--chat-template-kwargs', '{}'],
    'RequestError',
    /--chat-template-kwargs goes with --chat/,
  ],
  [
    'variables that are no object',
    ['generate', model, '--chat', 'x', '--chat-template-kwargs', '[1]'],
    'RequestError',
    /"\[1\]" is no object of JSON; write it as in/,
  ],
  ['an adapter that is not there', ['generate', model, '--prompt', 'x', '--lora', `${missing}:0.5`], 'RequestError',
    /The adapter .*missing\.gguf cannot be read/],
  ['a model as an adapter', ['plan', model, '--lora', model], 'UnsupportedModelError', /is of the type "model", not an adapter/],
  ['two adapters to compare with, one of them none', ['eval', model, '--token-ids', 'x', '--against-lora', model, '--against-plain'], 'RequestError',
    /--against-lora and --against-plain name two others/],
  ['the model without adapters to compare with, and no adapter', ['eval', model, '--token-ids', 'x', '--against-plain'], 'RequestError', /Give one by --lora/],
  ['checks by what is no regular expression', ['doctor', '--only', '('], 'RequestError', /"\(" is no regular expression: /],
  ['tokens that are none', ['generate', model, '--tokens', '1,two'], 'RequestError', /Token 2 of "1,two" is "two"/],
  ['tokens with a gap', ['generate', model, '--tokens', '1,,2'], 'RequestError', /Token 2 of "1,,2" is ""/],
  [
    'a temperature that is no number',
    ['generate', model, '--prompt', 'x', '--temperature', 'hot'],
    'RequestError',
    /--temperature <t>' argument 'hot' is invalid\. "hot" is not a number/,
  ],
  ['a top-p out of range', ['generate', model, '--prompt', 'x', '--top-p', '1.5'], 'RequestError', /topP is 1\.5/],
  ['half a seed', ['generate', model, '--prompt', 'x', '--seed', '0.5'], 'RequestError', /seed is 0\.5/],
  ['no tokens to make', ['generate', model, '--prompt', 'x', '--max-tokens', '0'], 'RequestError', /"0" is not a whole number above 0/],
  [
    'a budget in words',
    ['generate', model, '--prompt', 'x', '--budget', 'much'],
    'RequestError',
    /is "much"; it must be a number of bytes above 0, or text such as "2GiB"/,
  ],
  [
    'a sweep of budgets with a budget',
    ['bench', model, '--sweep-budget', '--budget', '1MiB'],
    'RequestError',
    /option '--sweep-budget' cannot be used with option '--budget <bytes>'/,
  ],
  [
    'a sweep of budgets with contexts',
    ['bench', model, '--contexts', '8', '--sweep-budget'],
    'RequestError',
    /option '--sweep-budget' cannot be used with option '--contexts <list>'/,
  ],
  [
    'predictions with a budget',
    ['bench', model, '--predict', '--budget', '1MiB'],
    'RequestError',
    /option '--predict \[others\.\.\.\]' cannot be used with option '--budget <bytes>'/,
  ],
  [
    'predictions with a number of tokens',
    ['bench', model, '--new-tokens', '8', '--predict'],
    'RequestError',
    /option '--predict \[others\.\.\.\]' cannot be used with option '--new-tokens <n>'/,
  ],
  ['limits that do not exist', ['plan', model, '--limits', 'none'], 'RequestError', /'none' is invalid\. Allowed choices are adapter, default/],
  ['a model that does not exist', ['tokenize', missing, '--text', 'x'], 'RequestError', /missing\.gguf does not exist/],
  ['a folder', ['tokenize', folder, '--text', 'x'], 'RequestError', /is a folder/],
  ['a file that is no GGUF', ['tokenize', join(root, 'package.json'), '--text', 'x'], 'InvalidFileError', /not a GGUF/],
  ['no text', ['tokenize', model], 'RequestError', /Give one of --text and --texts/],
  ['two texts', ['tokenize', model, '--text', 'x', '--texts', 'y'], 'RequestError', /Give one of --text and --texts/],
  ['texts that are no JSON', ['tokenize', model, '--texts', join(root, 'index.html')], 'RequestError', /--texts: .*index\.html is not JSON/],
  ['texts that are no list', ['tokenize', model, '--texts', join(root, 'package.json')], 'RequestError', /a JSON array of strings/],
  ['logits without a file', ['logits', model, '--tokens', '1'], 'RequestError', /required option '--out <file>' not specified/],
  ['logits of nothing', ['logits', model, '--tokens', '', '--out', at('none.f32')], 'RequestError', /--tokens is empty/],
  ['neither text nor ids', ['perplexity', model], 'RequestError', /Give one of --file and --token-ids/],
  ['text and ids', ['perplexity', model, '--file', 'a', '--token-ids', 'b'], 'RequestError', /Give one of --file and --token-ids/],
  ['a length for chunks that have one', ['perplexity', model, '--token-ids', 'b', '--ctx', '9'], 'RequestError', /--ctx goes with --file/],
  ['chunks of one token', ['perplexity', model, '--file', 'a', '--ctx', '1'], 'RequestError', /at least 2 tokens/],
  ['a text that does not exist', ['perplexity', model, '--file', at('missing.txt')], 'RequestError', /missing\.txt does not exist/],
  ['ids that are no chunks', ['perplexity', model, '--token-ids', join(root, 'package.json')], 'RequestError', /a JSON array of chunks/],
  [
    'a time for what is kept nowhere', ['kv', model, '--policies', 'kivi4', '--text', 'x', '--seconds', '9'], 'RequestError',
    /--seconds goes with --pieces FOLDER: what was measured of a row that is not whole/,
  ],
  ['a benchmark of a policy', ['bench', model, '--kv', 'streaming'], 'RequestError', /kv streaming shapes keys and values as it goes.*windrow kv/],
  ['to be open to other machines without a key', ['serve', model, '--host', '0.0.0.0'], 'RequestError', /Give a key .* by --api-key or WINDROW_API_KEY/],
  ['an origin with a path', ['serve', model, '--origin', 'https://a.example/b'], 'RequestError', /without a path/],
  ['a port that is none', ['serve', model, '--port', '70000'], 'RequestError', /"70000" is no port/],
];

/** What ends the program in place of the process's own exit. */
class Ended extends Error {}

/** What comes of it, and of that what went past the outcome. */
async function outcomeOf(...args: string[]) {
  const [printed, complaints, codes]: [string[], string[], number[]] = [[], [], []];
  const exit = (code: number): never => {
    codes.push(code);
    throw new Ended();
  };
  const past = [vi.spyOn(process.stdout, 'write'), vi.spyOn(console, 'log')].map((spy) => spy.mockReturnValue(true as never));
  const outcome = { print: async (text: string) => void printed.push(text), complain: async (text: string) => void complaints.push(text), exit };
  try {
    await expect(main(['node', 'windrow', ...args], outcome)).rejects.toThrow(Ended);
    return { printed, complaints, codes, past: past.flatMap(({ mock }) => mock.calls) };
  } finally {
    for (const spy of past) spy.mockRestore();
  }
}

it.each(errors)('%s: exit code 1, the named error as JSON and nothing else on standard output', async (_, args, name, message) => {
  const { printed, complaints, codes, past } = await outcomeOf(...args, '--json');
  expect({ codes, past }).toEqual({ codes: [1], past: [] });
  expect(printed).toHaveLength(1);
  const { error } = JSON.parse(printed[0]) as { error: { name: string; message: string } };
  expect(error.message).toMatch(message);
  expect(error.name).toBe(name);
  expect(complaints.join('')).toContain(error.message.split('\n')[0]);
});

it.each<[title: string, args: string[], printed: RegExp]>([
  ['a result', ['tokenize', model, '--text', 'Once', '--json'], /^\{.*\}\n$/],
  ['a result as text', ['tokenize', model, '--text', 'Once'], /^\S.*\n$/],
  ['help', ['--help'], /^Usage: windrow [^]*Every command takes --json\.\n$/],
  ['help on a command', ['tokenize', '--help'], /^Usage: windrow tokenize/],
  ['the version', ['--version'], /^\d+\.\d+\.\d+\S*\n$/],
])('%s: exit code 0, and all of it by the outcome', async (_, args, text) => {
  const { printed, ...others } = await outcomeOf(...args);
  expect(others).toEqual({ complaints: [], codes: [0], past: [] });
  expect(printed.join('')).toMatch(text);
});
