// Keys and values at home in worker memory, of which each token reads what the query of the one before it chose: the same logits as where all pages are on
// the GPU, bit for bit, with bytes and buffers as they were planned. The full run has four times the bytes that they may take on the GPU.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeModel } from '../../../scripts/fixtures/make-model.mjs';
import { type LoadedModel } from '../../../src/engine/load/load.ts';
import { readBytes } from '../../../src/gpu/read-bytes.ts';
import { createRunner } from '../../../src/engine/run/runner.ts';
import { type OpenScratch } from '../../../src/kv/tiers/scratch.ts';
import { adapterFile } from '../../dawn.ts';
import { countCalls } from '../../../src/bench/count-calls.ts';
import { openBytes, sharedGpu, testChoice } from '../../models/model.ts';
import { memoryScratch } from '../../doubles/memory-scratch.ts';
import { isFull, record } from '../../verified.ts';
import { temporaryFolder } from '../../folder.ts';

interface Run {
  layers: number;
  /** Tokens, the last `decoded` of which are run one by one. */
  length: number;
  decoded: number;
  /** Of the bytes of their keys and values, those that there may be on the GPU; none: as many as what is read takes twice. */
  part?: number;
  /** Default: quest. */
  name?: string;
}
const runs: Run[] = isFull
  ? [{ layers: 16, length: 2848, decoded: 40, part: 1 / 4 }, { layers: 3, length: 640, decoded: 24, name: 'shadowkv' }]
  : [{ layers: 3, length: 640, decoded: 24 }];

const sizes = { kvHeads: 2, headDim: 16 };
const context = 2848;
const options = { slots: 128, sinks: 32, window: 16, interval: 8, size: 32 };

const folder = temporaryFolder('away');

async function bytesOf({ layers }: Pick<Run, 'layers'>): Promise<Uint8Array<ArrayBuffer>> {
  const out = join(folder, `${layers}.gguf`);
  await makeModel({ layers, dim: 32, ff: 32, heads: 4, ...sizes, vocab: 512, context, type: 'F32', embeddingType: 'F32', out });
  return Uint8Array.from(readFileSync(out));
}

/** Of keys and values in f32. */
const keysValues = ({ layers, length }: Pick<Run, 'layers' | 'length'>): number => layers * length * 2 * sizes.kvHeads * sizes.headDim * 4;

const open = async (
  bytes: Uint8Array<ArrayBuffer>, length: number, more: Record<string, number>, budgetBytes?: number, scratch?: OpenScratch, name = 'quest',
): Promise<LoadedModel> => {
  const { size, ...others } = options;
  return openBytes(await sharedGpu(), bytes, {
    choice: { ...testChoice, splits: 1, prefill: 'rows' }, context: Math.ceil(length / 32) * 32 + 32,
    policy: { name, options: { ...others, ...(name !== 'leoam' && { size }), ...more }, budgetBytes }, scratch,
  });
};

const tokensOf = ({ length }: Pick<Run, 'length'>): number[] => Array.from({ length: length + 1 }, (_, i) => (3 + i * 31 + Math.floor(i / 97) * 5) % 512);

/** Logits of the prompt's last token and of each token behind it, and how many buffers and groups the later ones had made. */
async function run(model: LoadedModel, given: Run): Promise<{ logits: Float32Array[]; creations: number }> {
  const { length, decoded } = given;
  const tokens = tokensOf(given);
  const runner = createRunner(model);
  await runner.feed(tokens.slice(0, length - decoded), 0);
  const logits = [await runner.readLogits()];
  let creations = 0;
  for (let at = length - decoded; at < length; at++) {
    const calls = countCalls();
    await runner.feed([tokens[at]], at, undefined, true);
    const { creations: own } = calls.read();
    if (at >= length - 10) creations += own; // a tick among them
    logits.push(await runner.readLogits());
  }
  return { logits, creations };
}

/** A copy goes on as the sequence itself does; one that is cut and fed again has the logits of one that was not. */
async function expectCopies(model: LoadedModel, given: Run): Promise<void> {
  const { length } = given;
  const tokens = tokensOf(given);
  const runner = createRunner(model);
  const copy = await model.sequence.fork();
  await runner.of(copy).feed(tokens.slice(-1), length, undefined, true);
  const copied = await runner.readLogits();
  await runner.feed(tokens.slice(-1), length, undefined, true);
  expect(copied).toEqual(await runner.readLogits());
  const back = Math.min(500, length - 80);
  await runner.of(copy).feed(tokens.slice(back, length), back);
  const again = await runner.readLogits();
  copy.close();
  model.sequence.truncate(0);
  await runner.feed(tokens.slice(0, length), 0);
  (await runner.readLogits()).forEach((logit, i) => expect(again[i]).toBeCloseTo(logit, 4));
}

/** Up to which slot each kv head of the first layer chooses. */
async function tailsOf({ gpu: { device }, ledger, sequence }: LoadedModel): Promise<number[]> {
  const { buffer } = sequence.shaped!.setsOf(0).chosen!;
  const words = new Uint32Array(await readBytes(device, ledger, 'test.chosen', { buffer, byteLength: buffer.size }));
  return [words[1], words[5]];
}

/** Logits of a prompt, of tokens behind it, and of what goes on from a place in the middle: two tokens alone, and from there again a prompt and tokens. */
async function runCut(model: LoadedModel): Promise<Float32Array[]> {
  const tokens = tokensOf({ length: 640 });
  const runner = createRunner(model);
  const logits: Float32Array[] = [];
  const decode = async (from: number, to: number): Promise<void> => {
    for (let at = from; at < to; at++) {
      await runner.feed([tokens[at]], at, undefined, true);
      logits.push(await runner.readLogits());
    }
  };
  await runner.feed(tokens.slice(0, 600), 0);
  await decode(600, 640);
  model.sequence.truncate(384);
  if (model.sequence.shaped!.away) expect(await tailsOf(model), 'nothing behind the cut is chosen from').toEqual([384, 384]);
  for (const at of [384, 385, 386]) await runner.feed([tokens[at]], at, undefined, true); // one by one, where nothing is chosen yet
  const reached = model.sequence.truncate(384);
  expect(reached).toBe(384);
  await runner.feed(tokens.slice(reached, 450), reached);
  await decode(450, 480);
  return logits;
}

describe.skipIf(!adapterFile)('runs that begin on one page and end on another', () => {
  it.each([
    ['quest', 570_000, 16], // little more than the least
    ...(isFull ? [['leoam', 720_000, 22] as const] : []),
  ] as const)('are chosen by %s as with all pages on the GPU where few of them are there, also behind a cut', async (name, budgetBytes, frames) => {
    const bytes = await bytesOf({ layers: 3 });
    const own: Record<string, number> = { sinks: 4, slots: name === 'quest' ? 52 : 84, ...(name === 'quest' && { size: 16 }) };
    const on = await open(bytes, 640, { ...own, lag: 1 }, undefined, undefined, name);
    const expected = await runCut(on);
    await on.destroy();
    const model = await open(bytes, 640, { ...own, away: 1 }, budgetBytes, undefined, name);
    expect(model.sequence.shaped!.shape.plan.layers[0][0].frames).toBe(frames); // of 42 pages
    const found = await runCut(model);
    expect(model.sequence.shaped!.away!.counters.missed).toBe(0);
    const differs = expected.flatMap((logits, i) => logits.some((logit, n) => logit !== found[i][n]) ? [i] : []);
    expect(differs).toEqual([]);
    await model.destroy();
  });
});

describe.skipIf(!adapterFile)('pages that worker memory has no room for', () => {
  const given = { layers: 2, length: 480, decoded: 24 };
  /** Of pages: for 5 of 16 rows, and for what is read back at once. */
  const memory = (5 * 2 * 8192 + 16 * 8192) / 2 ** 20;
  /** Of a row as it is stored. */
  const sealed = 8192 + 28 * sizes.kvHeads;

  it('are had back from storage, slow as it is, with the logits of pages on the GPU, and go with their model', async () => {
    const bytes = await bytesOf(given);
    const on = await open(bytes, given.length, { lag: 1 });
    const expected = await run(on, given);
    await on.destroy();
    await expect(open(bytes, given.length, { away: 1, memory })).rejects.toThrow('there is no storage here for the others');
    const file = memoryScratch({ slow: true });
    const model = await open(bytes, given.length, { away: 1, memory }, undefined, file.open);
    const { away, shape } = model.sequence.shaped!;
    const expectSame = async (): Promise<void> => {
      const found = await run(model, given);
      expect(expected.logits.filter((logits, i) => logits.some((logit, n) => logit !== found.logits[i][n]))).toHaveLength(0);
    };
    await expectSame();
    const { missed, homeBytes, storedBytes, readBytes } = away!.counters;
    record({
      point: `Pages that worker memory has no room for, ${given.layers} layers, ${given.length} tokens, to all pages on the GPU`,
      command: 'npx vitest run --project gpu test/gpu/model/kv-away-gpu.test.ts',
      value: { 'in worker memory': homeBytes, 'in storage': storedBytes, 'read back': readBytes },
    });
    expect({ missed, homeBytes, storedBytes }).toEqual({ missed: 0, homeBytes: 5 * 2 * 8192, storedBytes: 9 * 2 * sealed });
    expect(shape.away).toMatchObject({ home: 2 ** 20 * memory, stored: 11 * 2 * sealed });
    await expectFailures(model, file.disk);
    await expectSame();
    if (isFull) await expectCopies(model, given);
    expect(file.there.size).toBe(1);
    await model.destroy();
    expect(file.there.size).toBe(0);
  });

  /** What cannot be read or written is told, and the sequence is empty then. */
  async function expectFailures({ sequence, ...model }: LoadedModel, disk: ReturnType<typeof memoryScratch>['disk']): Promise<void> {
    const { length } = given;
    const tokens = tokensOf(given);
    const runner = createRunner({ sequence, ...model });
    disk.failsReads = true;
    await expect(runner.feed([...tokens.slice(-1), 5], length)).rejects.toThrow(/cannot be read from storage: the disk has gone/);
    expect(sequence.tokens).toHaveLength(0);
    disk.failsReads = false;
    await runner.feed(tokens.slice(0, length - 24), 0);
    disk.failsReads = true;
    const decode = async () => {
      for (let at = length - 24; at < length; at++) await runner.feed([tokens[at]], at, undefined, true);
    };
    await expect(decode()).rejects.toThrow(/cannot be read from storage/);
    expect(sequence.tokens).toHaveLength(0);
    Object.assign(disk, { failsReads: false, most: 0 });
    await expect(runner.feed(tokens.slice(0, length), 0)).rejects.toMatchObject({ name: 'BudgetError', code: 'storage_full' });
    expect(sequence.tokens).toHaveLength(0);
    disk.most = undefined;
  }
});

describe.skipIf(!adapterFile).each(runs)('pages of $length tokens at home in worker memory ($name)', (given) => {
  const { name } = given;

  it('give the logits of pages on the GPU, over ticks, and no token creates anything', async () => {
    const bytes = await bytesOf(given);
    const on = await open(bytes, given.length, { lag: 1 }, undefined, undefined, name);
    const expected = await run(on, given);
    await on.destroy();
    const model = await open(bytes, given.length, { away: 1 }, given.part && given.part * keysValues(given), undefined, name);
    const found = await run(model, given);
    const { ledger, plan } = model;
    const { away, shape } = model.sequence.shaped!;
    const { counters: { missed, fetchedBytes, mostFetchedBytes, homeBytes, tokens } } = away!;
    const differs = expected.logits.filter((logits, i) => logits.some((logit, n) => logit !== found.logits[i][n])).length;
    record({
      point: `Pages at home in worker memory, ${name ?? 'quest'} a token late, ${given.layers} layers, ${given.length} tokens, to all pages on the GPU`,
      command: `${isFull ? 'WINDROW_FULL=1 ' : ''}npx vitest run --project gpu test/gpu/model/kv-away-gpu.test.ts`,
      value: {
        'tokens whose logits differ': differs, 'bytes on the GPU, of those of all keys and values': (ledger.bytes.kv / keysValues(given)).toPrecision(2),
        'bytes for a token': Math.round(fetchedBytes / tokens), 'at most': mostFetchedBytes, 'creations for a token': found.creations,
      },
    });
    expect(differs).toBe(0);
    expect(fetchedBytes).toBeGreaterThan(0);
    expect({ missed, creations: found.creations }).toEqual({ missed: 0, creations: 0 });
    expect(ledger.bytes.kv).toBeLessThanOrEqual(plan.bytes.kv);
    expect(ledger.peakBytes).toBeLessThanOrEqual(plan.totalBytes);
    expect(homeBytes).toBeLessThanOrEqual(shape.away.home);
    if (given.part) expect(plan.bytes.kv).toBeLessThanOrEqual(given.part * keysValues(given));
    if (!given.part && !name) await expectCopies(model, given);
    await model.destroy();

    const KiB = Math.floor(mostFetchedBytes / 3 / 1024);
    const capped = await open(bytes, given.length, { away: 1, fetch: KiB }, undefined, undefined, name);
    await run(capped, { ...given, decoded: 12 });
    const { counters } = capped.sequence.shaped!.away!;
    expect(counters.mostFetchedBytes).toBeLessThanOrEqual(1024 * KiB);
    expect(counters.missed).toBeGreaterThan(0);
    await capped.destroy();
  });
});
