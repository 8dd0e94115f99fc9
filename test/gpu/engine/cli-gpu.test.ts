// The built command line as a program: what it prints with --json, and how it fails.
import { execFile, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildNode, root } from '../../built.ts';
import { adapterFile } from '../../dawn.ts';
import { golden } from '../../engine.ts';
import { untilListening } from '../../listening.ts';
import { fixture, floatsFixture, jsonFixture } from '../../models/fixture.ts';
import { vary } from '../../models/vary.ts';
import { isFull } from '../../verified.ts';
import { temporaryFolder } from '../../folder.ts';

const folder = temporaryFolder('cli');
const at = (name: string) => join(folder, name);
const model = at('stories260K.gguf');
const ids = golden.prompt_ids.join();
const vocab = 512;
const quick = ['--f32', '--kernels', 'splits=1,dot=f32,prefill=rows,few=0,reduce=workgroup,threads=32'];

interface Run {
  code: number;
  stdout: string;
  stderr: string;
}

const env = { ...process.env, VK_ICD_FILENAMES: adapterFile, XDG_CACHE_HOME: at('cache') };
const windrow = (...args: string[]): Promise<Run> =>
  new Promise((resolve) => {
    execFile(process.execPath, [join(root, 'bin/windrow.mjs'), ...args], { env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr }),
    );
  });

/** What a command prints with --json: one line on standard output and nothing else. */
async function json<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await windrow(...args, '--json');
  expect(code, stderr).toBe(0);
  expect(stdout.trimEnd().split('\n')).toHaveLength(1);
  return JSON.parse(stdout) as T;
}

async function failure(...args: string[]): Promise<{ name: string; code: string; message: string }> {
  const { code, stdout, stderr } = await windrow(...args, '--json');
  expect(code).toBe(1);
  expect(stdout.trimEnd().split('\n')).toHaveLength(1);
  const { error } = JSON.parse(stdout) as { error: { name: string; code: string; message: string } };
  expect(stderr).toContain(error.message.split('\n')[0]);
  return error;
}

const floats = (path: string) => new Float32Array(Uint8Array.from(readFileSync(path)).buffer);
const worst = (found: Float32Array, wanted: Float32Array) => {
  expect(found.length).toBe(wanted.length);
  return found.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i])), 0);
};

describe.skipIf(!adapterFile)('windrow', () => {
  beforeAll(() => {
    buildNode();
    writeFileSync(model, fixture('stories260K/stories260K.gguf'));
  });

  describe('generate', () => {
    interface Generated {
      text: string;
      tokens: number[];
      reason: string;
      stats: Record<string, number>;
    }
    const generate = (...args: string[]) => json<Generated>('generate', model, ...quick, ...args);

    it('continues a prompt with the golden tokens and says what it cost', async () => {
      const { text, tokens, reason, stats } = await generate('--prompt', golden.prompt, '--max-tokens', '24');
      expect(tokens).toEqual(golden.ids.slice(0, 24));
      expect(golden.text.startsWith(text)).toBe(true);
      expect(reason).toBe('length');
      expect(stats).toMatchObject({ promptTokens: 5, cachedTokens: 0, newTokens: 24 });
      for (const name of ['gpuBytesPeak', 'prefillTokensPerSecond', 'decodeTokensPerSecond', 'prefillMs', 'decodeMs'])
        expect(stats[name], name).toBeGreaterThan(0);
    });

    it('continues tokens, and ends before a stop text', async () => {
      const stopped = await generate('--tokens', ids, '--max-tokens', '60', '--stop', 'never said', 'named Li');
      expect(stopped.tokens.slice(0, 3)).toEqual(golden.ids.slice(0, 3));
      expect(stopped).toMatchObject({ text: golden.text.slice(0, golden.text.indexOf('named Li')), reason: 'stop' });
    });

    it('answers a message, with a system message if given', async () => {
      const plain = await generate('--chat', 'Hello', '--max-tokens', '4');
      const system = await generate('--chat', 'Hello', '--system', 'Be short and kind.', '--max-tokens', '4');
      expect(plain.tokens).toHaveLength(4);
      expect(system.stats.promptTokens).toBeGreaterThan(plain.stats.promptTokens);
    });

    it('draws by a seed', async () => {
      const draw = async (seed: string) =>
        (await generate('--tokens', ids, '--max-tokens', '16', '--temperature', '1', '--top-k', '50', '--top-p', '0.95', '--min-p', '0.01', '--seed', seed))
          .tokens;
      const first = await draw('3');
      if (isFull) expect(await draw('3')).toEqual(first); // in the short run engine-gpu has it
      expect(await draw('4')).not.toEqual(first);
    });

    it('ends quietly when whoever reads has enough, as head does', async () => {
      const child = spawn(process.execPath, [join(root, 'bin/windrow.mjs'), 'generate', model, ...quick, '--prompt', golden.prompt, '--max-tokens', '200'], {
        env,
      });
      let told = '';
      child.stderr.on('data', (bytes: Buffer) => (told += bytes.toString()));
      child.stdout.once('data', () => child.stdout.destroy());
      const code = await new Promise((resolve) => child.on('exit', resolve));
      expect(told.replace(/^Warning: max.*\n/gm, '')).toBe(''); // but for Dawn's own
      expect(code).toBe(0);
    });

    it('streams text and ends with the numbers when --json is not given', async () => {
      const { code, stdout } = await windrow('generate', model, ...quick, '--prompt', golden.prompt, '--max-tokens', '8');
      expect(code).toBe(0);
      expect(stdout).toMatch(/^, there was a little girl.*\n\[5 prompt tokens at .*\/s, 8 new at .*\/s, .* MiB on the GPU, ended by length\]\n$/s);
    });
  });

  it('serves until it is told to end, and ends cleanly in the middle of an answer', async () => {
    const child = spawn(process.execPath, [join(root, 'bin/windrow.mjs'), 'serve', model, ...quick, '--port', '0'], { env });
    const exited = new Promise((resolve) => child.on('exit', resolve));
    const url = await untilListening(child, AbortSignal.timeout(120_000));
    const { data } = (await (await fetch(`${url}/models`)).json()) as { data: { id: string }[] };
    expect(data).toHaveLength(1);
    const response = await fetch(`${url}/completions`, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ prompt: golden.prompt, stream: true, max_tokens: 400 }),
    });
    const reader = response.body!.getReader();
    await reader.read();
    child.kill('SIGTERM');
    expect(await exited).toBe(0);
    await expect((async () => { while (!(await reader.read()).done); })()).rejects.toThrow();
  });

  describe('logits', () => {
    it('writes those after every token', async () => {
      expect(await json('logits', model, ...quick, '--tokens', ids, '--out', at('all.f32'))).toEqual({ rows: 5, vocab, out: at('all.f32') });
      expect(worst(floats(at('all.f32')), floatsFixture('stories260K/prompt.f32'))).toBeLessThan(1e-3);
    });

    it('writes those after the last token', async () => {
      expect(await json('logits', model, ...quick, '--tokens', ids, '--last', '--out', at('last.f32'))).toMatchObject({ rows: 1 });
      expect(worst(floats(at('last.f32')), floatsFixture('stories260K/prompt.f32').slice(4 * vocab))).toBeLessThan(1e-3);
    });
  });

  describe('perplexity', () => {
    interface Scored {
      total_nll: number;
      scored: number;
      perplexity: number;
      chunk_nll: number[];
    }

    /** The negative log likelihood of tokens 1 and on of `chunk`, by the logits that the program writes. */
    async function nll(chunk: number[]): Promise<number> {
      await json('logits', model, ...quick, '--tokens', chunk.join(), '--out', at('chunk.f32'));
      const logits = floats(at('chunk.f32'));
      let total = 0;
      for (let i = 1; i < chunk.length; i++) {
        const row = logits.subarray((i - 1) * vocab, i * vocab);
        total += Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0)) - row[chunk[i]];
      }
      return total;
    }

    it('of a text in chunks is what the logits say', async () => {
      writeFileSync(at('text.txt'), golden.text);
      const { tokens } = await json<{ tokens: number[] }>('tokenize', model, '--text', golden.text, '--no-bos');
      const chunks = [tokens.slice(0, 40), tokens.slice(40, 80)];
      const found = await json<Scored>('perplexity', model, ...quick, '--file', at('text.txt'), '--ctx', '40', '--chunks', '2');
      expect(found.scored).toBe(78);
      for (const [i, chunk] of chunks.slice(isFull ? 0 : 1).entries()) expect(found.chunk_nll[isFull ? i : 1]).toBeCloseTo(await nll(chunk), 3);
      expect(found.total_nll).toBeCloseTo(found.chunk_nll[0] + found.chunk_nll[1], 9);
      expect(found.perplexity).toBeCloseTo(Math.exp(found.total_nll / 78), 9);
    });

    it('of chunks of ids, each of its own length, is what the logits say', async () => {
      const chunks = [[...golden.prompt_ids, ...golden.ids.slice(0, 150)], golden.ids.slice(0, 2)]; // the first is longer than a step
      writeFileSync(at('chunks.json'), JSON.stringify(chunks));
      const found = await json<Scored>('perplexity', model, ...quick, '--token-ids', at('chunks.json'));
      expect(found.scored).toBe(155);
      for (const [i, chunk] of chunks.entries()) expect(found.chunk_nll[i]).toBeCloseTo(await nll(chunk), 3);
    });
  });

  describe('tokenize', () => {
    const cases = jsonFixture<{ text: string; ids: number[]; ids_add_special: number[]; ids_parse_special: number[] }[]>('stories260K/tokenizer.json').slice(
      0,
      40,
    );

    it('gives the golden ids of one text and of many, needing no GPU', async () => {
      const [{ text, ids_add_special }] = cases;
      expect(await json('tokenize', model, '--text', text)).toEqual({ tokens: ids_add_special });
      writeFileSync(at('texts.json'), JSON.stringify(cases.map((each) => each.text)));
      expect(await json('tokenize', model, '--texts', at('texts.json'))).toEqual(cases.map((each) => each.ids_add_special));
      expect(await json('tokenize', model, '--texts', at('texts.json'), '--no-bos')).toEqual(cases.map((each) => each.ids));
      expect(await json('tokenize', model, '--texts', at('texts.json'), '--no-bos', '--special')).toEqual(cases.map((each) => each.ids_parse_special));
    });

    it('reads files that have a vocabulary alone', async () => {
      const read = (name: string) => readFileSync(join(root, 'test/fixtures/text', name));
      writeFileSync(at('vocabulary.gguf'), brotliDecompressSync(read('llama-bpe.gguf.br')));
      const texts = read('llama-bpe.inp').toString().split('\n__ggml_vocab_test__\n');
      const wanted = read('llama-bpe.out').toString().trimEnd().split('\n').map((line) => line.trim().split(/\s+/).filter(Boolean).map(Number));
      writeFileSync(at('inp.json'), JSON.stringify(texts.slice(0, wanted.length)));
      expect(await json('tokenize', at('vocabulary.gguf'), '--texts', at('inp.json'), '--no-bos')).toEqual(wanted);
      expect(await failure('generate', at('vocabulary.gguf'), '--prompt', 'x')).toMatchObject({
        name: 'InvalidFileError',
        message: expect.stringContaining('a vocabulary without a model'),
      });
    });
  });

  it('plan says the bytes by purpose and in total, with fewer for a shorter context, and refuses what does not fit', async () => {
    interface Planned {
      verdict: string;
      bytes: Record<string, number>;
      totalBytes: number;
      context: number;
      reason?: string;
    }
    const whole = await json<Planned>('plan', model, ...quick);
    expect(whole).toMatchObject({ verdict: 'fits', context: 512 });
    expect(Object.values(whole.bytes).reduce((a, b) => a + b, 0)).toBe(whole.totalBytes);
    expect(whole.bytes.weights).toBeGreaterThan(1e6);
    const short = await json<Planned>('plan', model, ...quick, '--context', '64');
    expect(short.context).toBe(64);
    expect(short.bytes.kv).toBeLessThan(whole.bytes.kv);
    const { code, stdout } = await windrow('plan', model, ...quick, '--budget', '256KiB', '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ verdict: 'refused', budgetBytes: 2 ** 18, reason: expect.stringMatching(/needs .* on the GPU/) });
  });

  it('plan predicts the speed from measurements of the GPU that it keeps, and says that it does', async () => {
    interface Planned {
      predicted: { decodeTokensPerSecond: number; computeSeconds: number; transferSeconds: number };
    }
    const plan = ['plan', model, '--kernels', 'splits=1,prefill=rows,reduce=workgroup', '--ram', '8MiB'];
    const { predicted } = await json<Planned>(...plan);
    for (const name of ['decodeTokensPerSecond', 'computeSeconds'] as const) expect(predicted[name], name).toBeGreaterThan(0);
    expect(predicted.transferSeconds).toBe(0);
    expect((await json<Planned>(...plan)).predicted).toEqual(predicted);
    const streams = await json<Planned>(...plan, '--budget', '900KiB', '--context', '256');
    expect(streams.predicted.transferSeconds).toBeGreaterThan(0);
    expect((await windrow(...plan)).stdout).toMatch(/predicted +decode about [\d.]+ tokens\/s/);
    expect((await json<{ predicted?: object }>(...plan, '--retune')).predicted).not.toEqual(predicted);
  });

  it('bench --sweep-budget gives the same tokens at every budget, with fewer weights on the GPU, and compares the loaders', async () => {
    interface Swept {
      budgets: { name: string; verdict: string; budgetBytes: number; peakBytes: number; streamedBytes: number; perToken: Record<string, number> }[];
      overlap: { gain: number; transferMs: number; computeMs: number }[];
      tokens: number[];
    }
    const { budgets, overlap, tokens } = await json<Swept>(
      'bench', model, ...quick, '--sweep-budget', '--prompt-tokens', '8', '--new-tokens', '3', '--ram', '200KiB',
    );
    expect(tokens).toHaveLength(4);
    expect(budgets.map(({ name }) => name)).toEqual(['100 %', '75 %', '50 %', '25 %', 'smallest']);
    expect(budgets.map(({ verdict }) => verdict)).toEqual(['fits', 'streams', 'streams', 'streams', 'streams']);
    for (const { peakBytes, budgetBytes, streamedBytes, perToken } of budgets) {
      expect(peakBytes).toBeLessThanOrEqual(budgetBytes);
      expect(perToken.uploadedBytes).toBe(streamedBytes);
      expect(perToken.memoryBytes).toBeLessThanOrEqual(200 * 1024);
      expect(perToken.storeBytes + perToken.memoryBytes).toBe(streamedBytes);
    }
    expect(overlap[0].transferMs).toBeGreaterThan(0);
    expect(overlap[0].computeMs).toBeGreaterThan(0);
  });

  it('plan and generate say what is streamed', async () => {
    const budget = ['--budget', '900KiB', '--context', '256'];
    const planned = await json<{ verdict: string; streamedBytes: number; memoryBytesPerToken: number; storeBytesPerToken: number }>(
      'plan', model, ...quick, ...budget, '--ram', '100KiB',
    );
    expect(planned).toMatchObject({ verdict: 'streams', memoryBytesPerToken: 100 * 1024, storeBytesPerToken: planned.streamedBytes - 100 * 1024 });
    const { stats } = await json<{ stats: { gpuBytesPeak: number; transfer: { decode: Record<string, number> } } }>(
      'generate', model, ...quick, ...budget, '--tokens', '1,2,3', '--max-tokens', '3',
    );
    expect(stats.gpuBytesPeak).toBeLessThanOrEqual(900 * 1024);
    expect(stats.transfer.decode.uploadedBytes).toBeGreaterThan(0);
  });

  it('bench measures speed, calls and bytes, and creates nothing per token', async () => {
    const found = await json<Record<string, unknown> & { perToken: Record<string, number>; tokens: number[] }>(
      'bench', model, ...quick, '--prompt-tokens', '20', '--new-tokens', '8', '--tokens-per-submit', '1',
      ...(isFull ? [] : ['--quick']), // bench-gpu and e2e/bench have contexts, kernels by themselves and the comparison with f32
    );
    expect(found).toMatchObject({ promptTokens: 20, newTokens: 8, choice: { splits: 1, prefill: 'rows' } });
    expect(found.tokens).toHaveLength(9);
    expect(found.perToken).toMatchObject({ creations: 0, writeBuffers: 0 });
    expect(found.perToken.dispatches).toBeGreaterThan(30);
    expect(found.perToken.submits).toBe(1);
    for (const name of ['prefillTokensPerSecond', 'decodeTokensPerSecond', 'decodeMsPerToken', 'cpuMsPerToken', 'gpuBytesPeak', 'loadMs'])
      expect(found[name], name).toBeGreaterThan(0);
  });

  it('tells its version, that of the package', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    expect(await windrow('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  describe('fails with exit code 1, the named error as JSON and nothing else on standard output (src/cli/main.test.ts has what needs no device):', () => {
    const errors: [title: string, args: string[], name: string, message: RegExp][] = [
      ['a shape that does not exist', ['generate', model, '--prompt', 'x', '--kernels', 'splits=7'], 'RequestError', /splits is 7/],
      ['a context that is too long', ['generate', model, '--prompt', 'x', '--context', '513'], 'RequestError', /trained for 512/],
      ['a prompt that is too long', ['generate', model, ...quick, '--context', '4', '--tokens', '1,2,3,4'], 'RequestError', /context of 4 has room for 3/],
      ['a token past the vocabulary', ['generate', model, ...quick, '--tokens', '1,512'], 'RequestError', /token 512 is not in the vocabulary/],
      ['a budget that is too small', ['generate', model, '--prompt', 'x', '--budget', '256KiB'], 'BudgetError', /budget/],
      ['bindings that are too small', ['generate', model, '--prompt', 'x', '--max-binding', '4KiB'], 'BudgetError', /32 rows of token_embd\.weight/],
    ];
    // One before and one behind the load in the short run: the others are the engine's own refusals (bad-input-gpu), told in the same way.
    const some = isFull ? errors : errors.filter(([title]) => title.includes('shape') || title.includes('vocabulary'));
    it.concurrent.each(some)('%s', async (_, args, name, message) => {
      const error = await failure(...args);
      expect(error.message).toMatch(message);
      expect(error.name).toBe(name);
    });

    it('a text shorter than a chunk', async () => {
      writeFileSync(at('short.txt'), 'Once upon a time');
      expect(await failure('perplexity', model, ...quick, '--file', at('short.txt'), '--ctx', '40')).toMatchObject({
        name: 'RequestError',
        message: expect.stringMatching(/The text has \d+ tokens, fewer than one chunk of 40/),
      });
    });

    it('a text for a file without a tokenizer', async () => {
      writeFileSync(at('bare.gguf'), await vary('stories260K/stories260K.gguf', { metadata: { 'tokenizer.ggml.model': undefined } }));
      expect(await failure('tokenize', at('bare.gguf'), '--text', 'x')).toMatchObject({ name: 'InvalidFileError' });
      expect(await failure('generate', at('bare.gguf'), ...quick, '--prompt', 'x')).toMatchObject({
        name: 'RequestError',
        message: expect.stringMatching(/no tokenizer/),
      });
    });

    it('a machine without an adapter', async () => {
      const env = { ...process.env, VK_ICD_FILENAMES: '/dev/null', XDG_CACHE_HOME: at('cache') };
      const { code, stdout } = await new Promise<Run>((resolve) => {
        execFile(process.execPath, [join(root, 'bin/windrow.mjs'), 'generate', model, '--prompt', 'x', '--json'], { env }, (error, out, stderr) =>
          resolve({ code: error ? Number(error.code ?? -1) : 0, stdout: out, stderr }),
        );
      });
      expect(code).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({ error: { name: 'DeviceError', code: 'no_gpu', message: expect.stringMatching(/no GPU adapter/) } });
    });
  });
});
