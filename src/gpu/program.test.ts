import { describe, expect, it } from 'vitest';
import { fakeDevice } from '../../test/doubles/fake-device.ts';
import { createKernelCache, readInterface, shaderText } from './kernels.ts';
import { createLedger } from './ledger.ts';
import { type Dispatch, type Step, createProgram, paramsStride } from './program.ts';

const buffer = (label: string) => ({ buffer: { label } as GPUBuffer });
const [state, input, output] = ['state', 'input', 'output'].map(buffer);
/** Parameters of a product. */
const zeros = Object.fromEntries(readInterface(shaderText('one')).params.map(({ name }) => [name, 0]));
const noXielu = { negative: 0, positive: 0, beta: 0, most: 0 };
const gate = (label: string, more: Partial<Dispatch> = {}): Dispatch => ({
  label, kernel: { kernel: 'gate', files: ['activate', 'state'] }, params: { cols: 3, up: 4, input_stride: 5, output_stride: 6, ...noXielu },
  bindings: { state, input, output }, grid: ({ rows }) => [rows, 2], ...more,
});

function create(dispatches: Dispatch[]) {
  const fake = fakeDevice();
  const ledger = createLedger(fake.device, 2 ** 20);
  return { ...fake, ledger, program: createProgram(fake.device, ledger, createKernelCache(fake.device), 'layer.0.decode', dispatches) };
}

/** Notes what a pass is told. */
function fakePass() {
  const calls: string[] = [];
  const pass = {
    setPipeline: () => calls.push('pipeline'),
    setBindGroup: (_: number, group: GPUBindGroup) => calls.push(`group ${group.label}`),
    dispatchWorkgroups: (...grid: number[]) => calls.push(`dispatch ${grid.join(' ')}`),
  };
  return { pass: pass as unknown as GPUComputePassEncoder, calls };
}

describe('a program', () => {
  it('packs the parameters of each dispatch in the order of the shader, at its own offset', async () => {
    const largest = { cols: 7, up: 8, input_stride: 9, output_stride: 2 ** 32 - 1, ...noXielu };
    const { program, written, bindGroups } = create([gate('a'), gate('b', { params: largest })]);
    await program;
    const words = new Uint32Array(written.get('layer.0.decode.params')!.buffer);
    expect([...words.slice(0, 4)]).toEqual([3, 4, 5, 6]);
    expect([...words.slice(paramsStride / 4, paramsStride / 4 + 4)]).toEqual([7, 8, 9, 2 ** 32 - 1]);
    const params = bindGroups.map(({ entries }) => [...entries].find(({ binding }) => binding === 0)!.resource as GPUBufferBinding);
    expect(params.map(({ offset, size }) => [offset, size])).toEqual([[0, paramsStride], [paramsStride, paramsStride]]);
  });

  it('gives dispatches that follow each other with equal parameters the same place', async () => {
    const other = { cols: 7, up: 8, input_stride: 9, output_stride: 10, ...noXielu };
    const { program, bindGroups, ledger } = create([gate('a'), gate('b'), gate('c', { params: other }), gate('d')]);
    await program;
    const params = bindGroups.map(({ entries }) => [...entries].find(({ binding }) => binding === 0)!.resource as GPUBufferBinding);
    expect(params.map(({ offset }) => offset! / paramsStride)).toEqual([0, 1, 2]); // of a and b, c, and d
    expect(ledger.bytes.parameters).toBe(3 * paramsStride);
  });

  it('packs floats as floats', async () => {
    const norm: Dispatch = {
      label: 'norm',
      kernel: { kernel: 'rms-norm', files: ['reduce/workgroup'] },
      params: { groups: 1, input_stride: 4, output_stride: 4, norm: 0, inverse_cols: 0.25, eps: 1e-5, cols: 4, factor: 1, scale: 0, bias: 0 },
      bindings: { vectors: input, input, output },
      grid: () => [1],
    };
    const { program, written } = create([norm]);
    await program;
    expect([...new Float32Array(written.get('layer.0.decode.params')!.buffer).slice(4, 6)]).toEqual([0.25, Math.fround(1e-5)]);
  });

  it('names the dispatch, the kernel and the parameter or buffer that is missing', async () => {
    await expect(create([gate('layer.0.gate', { params: { cols: 3, up: 4, input_stride: 5 } })]).program).rejects.toThrow(
      'layer.0.gate: the kernel gate needs the parameter "output_stride".',
    );
    await expect(create([gate('layer.0.gate', { bindings: { state, input } })]).program).rejects.toThrow(
      'layer.0.gate: the kernel gate needs a buffer for "output".',
    );
  });

  it.each([0.5, -1, 2 ** 32, NaN, Infinity])('refuses %d where the shader has a whole number, rather than let it wrap', async (value) => {
    const params = { cols: 3, up: 4, input_stride: value, output_stride: 6, ...noXielu };
    await expect(create([gate('layer.0.gate', { params })]).program).rejects.toThrow(
      `layer.0.gate: the parameter "input_stride" of the kernel gate is ${value}; it has to be a whole number from 0 to 4294967295.`,
    );
  });

  it('refuses what is no number where the shader has a float', async () => {
    const params = { groups: 1, input_stride: 4, output_stride: 4, norm: 0, inverse_cols: NaN, eps: 1e-5, cols: 4 };
    const norm = gate('norm', { kernel: { kernel: 'rms-norm', files: ['reduce/workgroup'] }, params, bindings: { vectors: input, input, output } });
    await expect(create([norm]).program).rejects.toThrow('norm: the parameter "inverse_cols" of the kernel rms-norm is NaN; it has to be a number.');
  });

  it('encodes its dispatches in order by the step, without those of no workgroup, and creates nothing', async () => {
    const { program, buffers, bindGroups } = create([gate('a'), gate('never', { grid: () => [0] }), gate('b', { grid: ({ length }) => [length] })]);
    const recorded = await program;
    const made = [buffers.length, bindGroups.length];
    const { pass, calls } = fakePass();
    recorded.encode(pass, { rows: 3, length: 9 });
    expect(calls).toEqual(['pipeline', 'group a', 'dispatch 3 2', 'dispatch 9']);
    expect([buffers.length, bindGroups.length]).toEqual(made);
  });

  it('tells a pass no more than it has to: neither a pipeline nor a group that it has, nor sizes of 1 at the end', async () => {
    const [plain, other] = [gate('plain', { grid: () => [4, 1, 1] }), { ...gate('other').kernel, constants: { Gate: 2 } }];
    const elsewhere = gate('elsewhere', { bindings: { state, input: output, output: input }, grid: () => [1] });
    const [cube, flat] = [gate('cube', { kernel: other, grid: () => [4, 1, 2] }), gate('flat', { grid: () => [4, 3, 1] })];
    const { program, bindGroups } = create([plain, elsewhere, plain, cube, flat]);
    const { pass, calls } = fakePass();
    (await program).encode(pass, { rows: 1, length: 1 });
    expect(calls).toEqual([
      'pipeline', 'group plain', 'dispatch 4', 'group elsewhere', 'dispatch 1', 'group plain', 'dispatch 4', 'pipeline', 'dispatch 4 1 2', 'pipeline',
      'dispatch 4 3',
    ]);
    expect(bindGroups.map(({ label }) => label)).toEqual(['plain', 'elsewhere']);
  });

  it('has kernels share a group that name what they bind otherwise, with parameters in a slot each, whatever runs between them in other steps', async () => {
    const [x, hidden, weights, vectors] = ['x', 'hidden', 'weights', 'vectors'].map(buffer);
    const product = (label: string, role: string, first: number, bindings: Dispatch['bindings']): Dispatch => ({
      label, bindings: { weights, words: weights, vectors, state, ...bindings }, grid: () => [1],
      kernel: { kernel: 'matvec', files: ['prelude', 'words/bound', 'vectors/some', `among/${role}`, 'one'] },
      params: { ...zeros, first },
    });
    const up = product('up', 'up', 7, { input: x, output: hidden });
    const between = product('between', 'alone', 8, { input: x, output: hidden });
    const { program, bindGroups, written } = create([up, { ...between, grid: () => [0] }, product('down', 'down', 9, { input: hidden, output: x })]);
    const { pass, calls } = fakePass();
    (await program).encode(pass, { rows: 1, length: 1 });
    expect(calls).toEqual(['pipeline', 'group up', 'dispatch 1', 'pipeline', 'dispatch 1']);
    const entries = [...bindGroups[0].entries].map(({ binding, resource }) => [binding, (resource as GPUBufferBinding).buffer.label]);
    expect(entries.filter(([binding]) => binding === 5 || binding === 11).sort()).toEqual([[11, 'hidden'], [5, 'x']]);
    const words = new Uint32Array(written.get('layer.0.decode.params')!.buffer);
    expect([0, 1, 2].map((slot) => words[20 * slot + 18])).toEqual([8, 7, 9]); // of 19 parameters, in whole vectors, the last
    expect(words.length).toBe(paramsStride / 4);
  });

  it('binds what belongs to a sequence once for each, anew after it was released, and what is shared once', async () => {
    const [a, b] = [{ own: buffer('a') }, { own: buffer('b') }];
    const { program, bindGroups } = create([gate('shared'), gate('own', { bindings: { state, input: (of: typeof a) => of.own, output } })]);
    const recorded = await program;
    const run = (...steps: Step[]) => recorded.encode(fakePass().pass, steps);
    run({ rows: 1, length: 1, of: a });
    run({ rows: 1, length: 2, of: a }, { rows: 1, length: 9, of: b });
    expect(bindGroups.map(({ label }) => label)).toEqual(['shared', 'own', 'own']);
    recorded.release(a);
    run({ rows: 1, length: 3, of: a }, { rows: 1, length: 10, of: b });
    expect(bindGroups.map(({ label }) => label)).toEqual(['shared', 'own', 'own', 'own']);
  });

  it('runs what is shared once over the rows of all steps, and a run of what is not through one sequence after the other', async () => {
    const own = (label: string) => gate(label, { bindings: { state, input: () => input, output } });
    const { program } = create([gate('first'), own('rope'), own('attend'), gate('last')]);
    const { pass, calls } = fakePass();
    (await program).encode(pass, [{ rows: 3, length: 9, of: {} }, { rows: 2, length: 5, of: {} }]);
    expect(calls.filter((call) => call !== 'pipeline')).toEqual([
      'group first',
      'dispatch 5 2',
      'group rope',
      'dispatch 3 2',
      'group attend',
      'dispatch 3 2',
      'group rope',
      'dispatch 2 2',
      'group attend',
      'dispatch 2 2',
      'group first',
      'dispatch 5 2',
    ]);
  });

  it('frees its parameters', async () => {
    const { program, ledger } = create([gate('a')]);
    const recorded = await program;
    expect(ledger.bytes.parameters).toBe(paramsStride);
    recorded.destroy();
    expect(ledger.bytes.parameters).toBe(0);
  });
});
