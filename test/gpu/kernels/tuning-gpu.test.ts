// What a load does with kernels that are wrong on an adapter, and what it keeps of its measurements: on Dawn, with
// shader files replaced by spoilt ones.
import { kvFormat } from '../../../src/kv/formats/catalogue.ts';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { type EngineOptions } from '../../../src/engine/engine.ts';
import { kindsOf } from '../../../src/engine/measure/tune/kinds.ts';
import { openModel } from '../../../src/engine/load/opened.ts';
import { attentionKind } from '../../../src/engine/measure/tune/tune-attention.ts';
import { type AdapterNotes, type Tuning, openNotebook } from '../../../src/engine/measure/tune/tuning.ts';
import { provenChoice } from '../../../src/engine/measure/tune/proven.ts';
import { DeviceError } from '../../../src/errors.ts';
import { readHeader } from '../../../src/gguf/read.ts';
import { createKernelCache, kernelsHash, shaderText } from '../../../src/gpu/kernels.ts';
import { createLedger } from '../../../src/gpu/ledger.ts';
import { type ModelConfig } from '../../../src/model/graph.ts';
import { type KernelChoice, type MatrixChoice, attentions, plainAttention, plainChoice } from '../../../src/model/choices/kernel-choice.ts';
import { bytesSource } from '../../../src/weights/source/source.ts';
import { adapterFile, dawn } from '../../dawn.ts';
import { openDawn } from '../../models/model.ts';
import { fixture } from '../../models/fixture.ts';
import { answer, golden, openEngine, stories } from '../../engine.ts';
import { isFull } from '../../verified.ts';

/** Notes in memory, counting what is written. The first ones are `given`, whatever the adapter. */
function notebook(given?: AdapterNotes): Tuning & { notes: Map<string, AdapterNotes>; writes: number } {
  const notes = new Map<string, AdapterNotes>();
  const kept = {
    notes, writes: 0,
    get: async (key: string) => structuredClone(notes.get(key) ?? given),
    async set(key: string, value: AdapterNotes) {
      kept.writes++;
      notes.set(key, structuredClone(value));
    },
  };
  return kept;
}

let kinds: string[] = [];
let config: ModelConfig;
/** Of the right kernels, as a load of `load` has them. What a test makes wrong is not among them. */
let passed: AdapterNotes['checks'] = {};
async function readKinds(): Promise<void> {
  dawn();
  const { bytes, name } = stories();
  const opened = await openModel(await readHeader(bytesSource(new Uint8Array(bytes), name)));
  kinds = [...new Set([...kindsOf(opened).values()].flat())];
  config = opened.graph.config;
}
/** As if these choices had been measured to be the fastest: nothing is measured. */
const measured = (
  shaders: Record<string, string>,
  decode: MatrixChoice = { splits: 1, panels: 4, dot: 'f32' },
  prefill: MatrixChoice = { prefill: 'rows' },
  few: MatrixChoice = { few: 0 },
): AdapterNotes => ({
  kernels: kernelsHash(shaders),
  checks: passed,
  attentions: Object.fromEntries(['f32', 'f16'].map((kv) => [attentionKind(config, kvFormat(kv), 128), plainAttention])),
  chunks: { [kinds.join(', ')]: { chunk: 128, of: 512 } },
  decode: Object.fromEntries(kinds.map((kind) => [kind, decode])),
  prefill: Object.fromEntries(kinds.map((kind) => [kind, prefill])),
  few: Object.fromEntries(kinds.map((kind) => [kind, few])),
});

/** Tests the kernels of a load once: other loads test what is new there, of the rest a few. */
async function testRight(): Promise<void> {
  const tuning = notebook(measured({}));
  const engine = openEngine({ tuning });
  expect((await engine.load(stories(), { context: 128, f32: true })).warnings).toEqual([]);
  await engine.unload();
  passed = [...tuning.notes.values()][0].checks;
  expect(Object.keys(passed).length).toBeGreaterThan(5);
}

async function load(shaders: Record<string, string>, notes: AdapterNotes, options: EngineOptions = {}) {
  const engine = openEngine({ shaders, tuning: notebook(notes) });
  const notices: string[] = [];
  const info = await engine.load(stories(), { context: 128, f32: true, ...options }, ({ notice }) => notice && notices.push(notice));
  const { ids } = await answer(engine, { prompt: { tokens: golden.prompt_ids }, maxTokens: 20 });
  await engine.unload();
  return { ids, warnings: info.warnings ?? [], kernels: info.kernels, kv: info.kv, notices };
}

describe.skipIf(!adapterFile)('kernels that are wrong on an adapter', () => {
  beforeAll(readKinds);
  beforeAll(testRight);
  const right = golden.ids.slice(0, 20);

  it('are dropped for the next choice with a warning that names them, and the tokens are right', async () => {
    const shaders = { 'reduce/splits': shaderText('reduce/splits').replace('return sum;', 'return value;') };
    const { ids, warnings, kernels, notices } = await load(shaders, measured(shaders, { splits: 8, panels: 2, dot: 'f32' }));
    expect(warnings.length).toBeGreaterThan(0);
    expect(warnings[0]).toMatch(
      /^splits=8 panels=2 dot=f32 is not used; splits=\d panels=1 dot=f32 is instead, as the kernel "matvec .*fails its self-test on .*error/,
    );
    expect(notices.join()).toContain(warnings[0]);
    expect(Object.values(kernels).join(' ')).toContain('splits=1');
    expect(ids).toEqual(right);
  });

  it('are dropped where threads share activations', async () => {
    const shared = shaderText('matvec-shared');
    const wrong = 'own[i] = input[start + at] * select(1.0, 1.01, group == 1u && id == 3u);';
    const shaders = { 'matvec-shared': shared.replace('own[i] = input[start + at];', wrong) };
    expect(shaders['matvec-shared']).not.toBe(shared);
    const { ids, warnings } = await load(shaders, measured(shaders, { splits: 1, panels: 4, dot: 'shared4' }));
    expect(warnings[0]).toMatch(/^splits=1 panels=4 dot=shared4 is not used; .* is instead, as the kernel "matvec shared4 .*fails its self-test on .*error/);
    expect(ids).toEqual(right);
  });

  it('are dropped too if they do not compile', async () => {
    const shaders = { 'tile/f32': 'this is no WGSL' };
    const { ids, warnings } = await load(shaders, measured(shaders, undefined, { prefill: 'tile', tile: 'f32' }));
    expect(warnings).toEqual([
      expect.stringMatching(/^prefill=tile tile=f32 is not used; prefill=rows is instead, as the kernel "matmul f32 .*does not compile/),
    ]);
    expect(ids).toEqual(right);
  });

  const onlyWhere = (where: string) => `* select(1.0, 1.01, ${where})`;
  const spoilt: [kernel: string, right: string, wrong: string, choice: MatrixChoice][] = [
    ['matmul', 'sums[j][i]);', `sums[j][i] ${onlyWhere('j == 3u')});`, { prefill: 'tile', tile: 'f32' }], // tokens 48 to 63
    ['matvec', 'split_sum(sums[p], lane, split)', `split_sum(sums[p], lane, split) ${onlyWhere('p == 3u')}`, { splits: 1, panels: 4, dot: 'f32' }],
    ['matvec-few', 'dot(w[0], input[start]);', `dot(w[0], input[start]) ${onlyWhere('t == 7u')};`, { few: 4 }],
    ['matvec-broadcast', 'sums[t][p]);', `sums[t][p] ${onlyWhere('p == 3u')});`, { prefill: 'broadcast4' }], // rows 96 to 127
    ['matvec-wide', 'sums[r][t]);', `sums[r][t] ${onlyWhere('r == 7u')});`, { prefill: 'wide4' }], // rows 56 to 63
  ];
  it.each(isFull ? spoilt : spoilt.slice(0, 1))('are found wherever in a workgroup they are wrong: %s', async (kernel, right, wrong, choice) => {
    const shaders = { [kernel]: shaderText(kernel).replace(right, wrong) };
    expect(shaders[kernel]).toContain(wrong);
    const of = (name: keyof MatrixChoice) => (name in choice ? choice : undefined);
    const { warnings } = await load(shaders, measured(shaders, of('splits'), of('prefill'), of('few')));
    expect(warnings).toEqual([expect.stringMatching(new RegExp(`^${Object.entries(choice).map((pair) => pair.join('=')).join(' ')} is not used; `))]);
  });

  it.runIf(isFull)('are found in the last row of a workgroup of attention, of which there is no other', async () => {
    const attention = shaderText('attention');
    const shaders = { attention: attention.replace('sum[i] / total)', `sum[i] / total ${onlyWhere('local == 63u')})`) };
    expect(shaders.attention).not.toBe(attention);
    await expect(load(shaders, measured(shaders))).rejects.toThrow(/^The kernel "attention, .*" fails its self-test/);
  });

  it('leave steps of few rows to the kernel for many where their own is wrong', async () => {
    const shaders = { 'matvec-few': shaderText('matvec-few').replace('low += placed', 'low += 1.01 * placed') };
    const { ids, warnings } = await load(shaders, measured(shaders, undefined, undefined, { few: 4 }));
    expect(warnings).toEqual([expect.stringMatching(/^few=4 is not used; few=0 is instead, as the kernel "matvec-few .*, 4 splits" .*fails its self-test/)]);
    expect(ids).toEqual(right);
  });

  it('change the format of keys and values, for which the model is planned again', async () => {
    const shaders = { 'kv/f16': shaderText('kv/f16').replaceAll('pack2x16float(v.', 'pack2x16float(1.5 * v.') };
    const { ids, warnings, kv } = await load(shaders, measured(shaders), { f32: false });
    expect(kv).toBe('f32');
    expect(warnings).toEqual([expect.stringMatching(/^kv=f16 is not used; kv=f32 is instead/)]);
    expect(ids).toEqual(right);
  });

  it('leave attention its usual shapes where others, measured to be faster, are wrong', async () => {
    const attend = shaderText('attention-decode');
    const shaders = { 'attention-decode': attend.replace('totals[h] += weight;', 'totals[h] += select(weight, 1.5, Span == 64u);') };
    const notes = { ...measured(shaders), attentions: { [attentionKind(config, kvFormat('f32'), 128)]: { span: 64, threads: 32 } } };
    const { ids, warnings, kernels } = await load(shaders, notes);
    expect(kernels).toMatchObject({ span: '128', threads: '128' });
    expect(warnings).toEqual([
      expect.stringMatching(/^span=64 threads=32 is not used; span=128 threads=128 is instead, as the kernel "attention-decode by 64 in 32, /),
    ]);
    expect(ids).toEqual(right);
  });

  it('refuse the model if there is no other choice, naming kernel and adapter', async () => {
    const shaders = { rope: 'fn nothing() {}' };
    const engine = openEngine({ shaders, tuning: notebook({ ...measured(shaders), checks: {} }) });
    const refused = engine.load(stories(), { context: 128, f32: true });
    await expect(refused).rejects.toBeInstanceOf(DeviceError);
    await expect(refused).rejects.toThrow(/^The kernel "rope of .*" fails its self-test on .{3,}, and there is no other/);
  });

  it.runIf(isFull)('are found though they passed once, as another driver may be there since', async () => {
    const decode = { splits: 8, panels: 2, dot: 'f32' as const };
    const before = notebook({ ...measured({}, decode), checks: {} });
    const engine = openEngine({ tuning: before });
    expect((await engine.load(stories(), { context: 128, f32: true })).warnings).toEqual([]);
    await engine.unload();
    const [{ checks }] = before.notes.values();
    const shaders = { 'reduce/splits': 'fn split_sum(value : f32, lane : u32, split : u32) -> f32 {\n  return value;\n}\n' };
    const { ids, warnings } = await load(shaders, { ...measured(shaders, decode), checks });
    expect(warnings).toContainEqual(expect.stringMatching(/^splits=8 panels=2 dot=f32 is not used/));
    expect(ids).toEqual(right);
  });

  it('are not taken for such because of what may be over the next time', async () => {
    const tuning = notebook({ ...measured({}), checks: {} });
    const again = openEngine({ tuning });
    const map = vi.spyOn(GPUBuffer.prototype, 'mapAsync').mockRejectedValueOnce(new Error('No handle is left.'));
    await again.load(stories(), { context: 128, f32: true }).catch(() => {}); // refused, or without one of its choices
    map.mockRestore();
    const [after] = tuning.notes.values();
    expect(Object.keys(after.checks).length).toBeGreaterThan(5);
    expect(Object.values(after.checks).filter(Boolean)).toEqual([]);
    expect((await again.load(stories(), { context: 128, f32: true })).warnings).toEqual([]);
    await again.unload();
  });

  it('are told again at the next load, without being run again', async () => {
    const shaders = { 'reduce/splits': shaderText('reduce/splits').replace('return sum;', 'return 0.0;') };
    const tuning = notebook(measured(shaders, { splits: 2, panels: 1, dot: 'f32' }));
    const engine = openEngine({ shaders, tuning });
    const { warnings } = await engine.load(stories(), { context: 128, f32: true });
    const writes = tuning.writes;
    expect((await engine.load(stories(), { context: 128, f32: true })).warnings).toEqual(warnings);
    expect(warnings).toHaveLength(1);
    expect(tuning.writes).toBe(writes);
    await engine.unload();
  });
});

// In software f16 is unpacked in integers, so the choice of a GPU is given.
it.skipIf(!adapterFile || !isFull)('f16 that loses its subnormals is dropped alone, though every kernel of MXFP4 is wrong by it', async () => {
  const gpu = await openDawn();
  const opened = await openModel(await readHeader(bytesSource(fixture('tiny/tiny-gpt-oss.gguf'), 'tiny-gpt-oss')));
  const shader = shaderText('formats/MXFP4');
  const kept = 'select(0x8000u, 0xffffu, (bits & 0x7c00u) != 0u) | select(0x80000000u, 0xffff0000u, (bits & 0x7c000000u) != 0u)';
  const flushing = shader.replace(/return unpack2x16float\((.*)\);\n/, (_, bits: string) =>
    `let bits = ${bits};\n  return unpack2x16float(bits & (${kept}));\n`);
  expect(flushing).toContain(kept);
  const ledger = createLedger(gpu.device, 2 ** 30);
  for (const few of [0, 4]) {
    const choice: KernelChoice = { ...plainChoice, splits: 4, few, halves: 'unpack' };
    const kernels = createKernelCache(gpu.device, { 'formats/MXFP4': flushing }, ['MXFP4']);
    const book = await openNotebook(undefined, gpu, kernels.hash, choice);
    const { chosen, warnings } = await provenChoice(gpu, kernels, opened, { choice, kv: kvFormat('f32') }, choice, book, () => ledger);
    expect(chosen.choice).toEqual({ ...choice, halves: 'integers' });
    expect(warnings).toEqual([expect.stringMatching(/^halves=unpack is not used; halves=integers is instead, as the kernel "halves of MXFP4" fails/)]);
  }
  gpu.device.destroy();
});

describe.skipIf(!adapterFile)('measured shapes', () => {
  beforeAll(readKinds);
  it('are chosen for each kind of matrix, kept with the results of the self-test, and measured anew on request only', async () => {
    const tuning = notebook();
    const engine = openEngine({ tuning, now: () => 0 }); // as if there were time for all, however busy the machine
    const { kernels } = await engine.load(stories(), { context: 128, f32: true });
    const [first] = tuning.notes.values();
    const attention = { span: Number(kernels.span), threads: Number(kernels.threads) };
    expect(first.attentions).toEqual({ [attentionKind(config, kvFormat('f32'), 128)]: attention });
    expect(attentions).toContainEqual(attention);
    // Those that no time was left for too.
    expect(Object.keys(first.decode).sort()).toEqual(kinds.toSorted());
    expect(Object.values(first.checks)).toEqual(Object.values(first.checks).map(() => ''));
    expect((await answer(engine, { prompt: { tokens: golden.prompt_ids }, maxTokens: 20 })).ids).toEqual(golden.ids.slice(0, 20));
    const { writes } = tuning;
    await engine.load(stories(), { context: 128, f32: true });
    expect(tuning.writes).toBe(writes);
    // As long as was best, of up to 512: later loads have buffers for no more.
    expect(first.chunks).toEqual({ [kinds.join(', ')]: { chunk: Number(kernels.chunk), of: 512 } });
    expect(engine.loaded().model).toMatchObject({ plan: { chunk: Number(kernels.chunk) }, sizes: { chunk: Number(kernels.chunk) } });
    await engine.load(stories(), { context: 128, f32: true, retune: true });
    expect(tuning.writes).toBeGreaterThan(writes);
    await engine.unload();
  });
});
