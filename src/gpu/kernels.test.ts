import { describe, expect, it, vi } from 'vitest';
import { formats, loadFormats } from '../formats/catalogue.ts';
import { fakeDevice } from '../../test/doubles/fake-device.ts';
import { createKernelCache, kernelKey, kernelSource, kernelsHash, readInterface, typeHashes, wgslNumber, wgslStructBytes } from './kernels.ts';

const files = import.meta.glob<string>('../../shaders/**/*.wgsl', { query: '?raw', import: 'default', eager: true });
const shaders = Object.entries(files).map(([path, text]) => [path.replace(/^.*shaders\//, ''), text] as const);
const withParams = shaders.filter(([, text]) => text.includes('struct Params'));
/** Parameters of several kernels stand in a file that these put in front. */
const sharing: Record<string, string[][]> = {
  'parts/rows.wgsl': ['matmul', 'matvec-rows', 'matvec-broadcast', 'matvec-wide', 'rare/matmul-codes'].map((name) => [`kernels/${name}.wgsl`]),
  'parts/one.wgsl': ['matvec', 'matvec-shared'].map((name) => [`kernels/${name}.wgsl`, 'parts/activate.wgsl']),
  'kernels/rope.wgsl': [['parts/turn.wgsl']],
  'parts/head/attended.wgsl': [['kernels/attention.wgsl'], ['kernels/attention-wide.wgsl']],
  'kernels/attention-decode.wgsl': [['parts/turn.wgsl', 'parts/rare/query/turned.wgsl']],
  'kernels/rare/experts.wgsl': [['parts/rare/item/slots.wgsl', 'parts/rare/item/rows.wgsl']], // of which a kernel has one
  ...Object.fromEntries(['mark-neurons', 'neurons-join'].map((name) => [`kernels/rare/${name}.wgsl`, [['parts/rare/chosen/experts.wgsl']]])),
  'parts/rare/scan/part.wgsl': [['kernels/rare/scan.wgsl', 'parts/rare/scan/delta.wgsl', 'parts/rare/scan/ssd.wgsl']], // of which a model has one
};
/** What stands in front of kernels of keys and values, of which each has some, reads parameters of theirs too. */
const ofKeys = shaders.flatMap(([name, text]) => (name.startsWith('kv/') ? [text] : [])).join('');
const readsKeys = (file: string): boolean => /^(kernels\/(policies\/|kv-|attention|rope)|parts\/head\/attended)/.test(file);
const withBindings = shaders.filter(([, text]) => text.includes('@binding'));

describe('readInterface', () => {
  it('finds shaders to read', () => {
    expect(withParams.length).toBeGreaterThanOrEqual(8);
    expect(withBindings.length).toBeGreaterThan(withParams.length);
  });

  it.each(withParams)('reads every field of the parameters of %s, in order, each a u32 or f32', (file, text) => {
    const body = text.slice(text.indexOf('struct Params {') + 'struct Params {'.length);
    const fields = body.slice(0, body.indexOf('}')).split('\n').map((line) => line.replace(/\/\/.*|@align\(16\)/g, '').trim()).filter(Boolean);
    const { params } = readInterface(text);
    expect(params.map(({ name, type }) => `${name} : ${type},`)).toEqual(fields);
    expect(new Set(params.map(({ name }) => name)).size).toBe(params.length);
    expect(4 * params.length).toBeLessThanOrEqual(256); // the stride of parameters in their buffer
    const own = readsKeys(file) ? text + ofKeys : text;
    const kernels = sharing[file]?.map((beside) => own + beside.map((path) => shaders.find(([name]) => name === path)![1]).join('')) ?? [own];
    for (const kernel of kernels)
      for (const { name } of params) expect(kernel.split(new RegExp(`params(?:\\[Slot\\])?\\.${name}\\b`)).length, `uses of params.${name}`).toBeGreaterThan(1);
  });

  it.each(withBindings)('reads every binding of %s', (_, text) => {
    const { bindings } = readInterface(text);
    const code = text.replace(/\/\/.*/g, '');
    expect(bindings.size).toBe(code.split('@binding').length - 1);
    expect(code.split('@group(0)').length).toBe(code.split('@binding').length); // one group only
    for (const [name, { binding, type }] of bindings) {
      const line = code.split('\n').find((each) => each.includes('@binding') && new RegExp(`>\\s*${name}\\b`).test(each))!;
      expect(line).toContain(`@binding(${binding})`);
      expect(type).toBe(line.includes('uniform') ? 'uniform' : line.includes('read_write') ? 'storage' : 'read-only-storage');
    }
  });

  it('reads nothing from a shader that has nothing', () => {
    expect(readInterface('fn main() {}')).toEqual({ bindings: new Map(), params: [] });
  });
});

describe('kernelSource', () => {
  it('puts the directives of all files first, each once, then constants, then files in their order', () => {
    const replaced = { state: 'enable f16;\nfn enabled() {}\n', gate: 'enable f16;\nrequires subgroup_id;\nfn main() {}\n' };
    const source = kernelSource({ kernel: 'gate', files: ['activate', 'state'], consts: { HeadVec4s: 2 } }, replaced);
    expect(source).toBe(
      `enable f16;\nrequires subgroup_id;\nconst HeadVec4s : u32 = 2u;\n${files['../../shaders/parts/activate.wgsl']}fn enabled() {}\nfn main() {}\n`,
    );
  });

  it('has the shader of a rare weight type once that is loaded', async () => {
    expect(() => kernelSource({ kernel: 'embed', files: ['formats/Q1_0'] })).toThrow('There is no shader file formats/Q1_0.wgsl');
    await loadFormats(['Q1_0']);
    expect(kernelSource({ kernel: 'embed', files: ['formats/Q1_0'] })).toContain(formats.get('Q1_0')!.shader);
  });

  it('names a file that is missing and the kernel that asks for it', () => {
    expect(() => kernelSource({ kernel: 'gate', files: ['formats/Q9'] })).toThrow('There is no shader file formats/Q9.wgsl; the kernel gate asks for it.');
  });
});

describe('the kernel cache', () => {
  it('compiles equal kernels once, and others that differ in one constant', async () => {
    const { device, pipelines } = fakeDevice();
    const cache = createKernelCache(device);
    const gate = { kernel: 'gate', files: ['activate', 'state'], constants: { Gate: 1 } };
    const [a, b, c] = await Promise.all([cache.get(gate), cache.get({ ...gate }), cache.get({ ...gate, constants: { Gate: 2 } })]);
    expect(a).toBe(b);
    expect(c).not.toBe(a);
    expect(pipelines.map(({ compute }) => compute.constants)).toEqual([{ Gate: 1 }, { Gate: 2 }]);
    expect(pipelines[0].compute.module).toBe(pipelines[1].compute.module);
    expect(kernelKey(gate)).not.toBe(kernelKey({ ...gate, files: ['activate'] }));
  });
});

describe('files that are replaced', () => {
  it('go into the source and change the hash', () => {
    expect(kernelSource({ kernel: 'gate', files: ['state'] }, { gate: 'fn main() {}' })).toBe(`${files['../../shaders/parts/state.wgsl']}fn main() {}`);
    expect(kernelsHash({ gate: 'fn main() {}' })).not.toBe(kernelsHash());
  });
});

describe('kernelsHash', () => {
  it('is 32 bits in hexadecimal, the same each time', () => {
    expect(kernelsHash()).toMatch(/^[0-9a-f]{1,8}$/);
    expect(kernelsHash()).toBe(kernelsHash());
  });

  it('does not count the shaders of rare weight types, which have hashes of their own', async () => {
    const before = kernelsHash();
    expect(typeHashes(['Q4_K', 'TQ2_0'])).toEqual({});
    await loadFormats(['TQ2_0', 'IQ4_NL']);
    expect(kernelsHash()).toBe(before);
    const hashes = typeHashes(['Q4_K', 'TQ2_0', 'IQ4_NL']);
    expect(Object.keys(hashes)).toEqual(['TQ2_0', 'IQ4_NL']);
    expect(hashes.TQ2_0).toMatch(/^[0-9a-f]{1,8}$/);
    expect(hashes.TQ2_0).not.toBe(hashes.IQ4_NL);
  });

  it('changes with what records kernels, as the build has it', async () => {
    const before = kernelsHash();
    vi.stubGlobal('__RECORDED_BY__', 'another release');
    vi.resetModules();
    expect((await import('./kernels.ts')).kernelsHash()).not.toBe(before);
    vi.unstubAllGlobals();
    vi.resetModules();
    expect((await import('./kernels.ts')).kernelsHash()).toBe(before);
  });
});

describe('what shaders say for TypeScript too', () => {
  it('is read from them', () => {
    expect(wgslNumber('matvec-few', 'Tokens')).toBe(8);
    expect(wgslNumber('sampling', 'SliceTokens')).toBe(2048);
    expect(wgslStructBytes('state', 'State')).toBe(32);
  });

  it('has to be there', () => {
    expect(() => wgslNumber('matvec-few', 'Tokes')).toThrow('matvec-few.wgsl says no number Tokes');
    expect(() => wgslStructBytes('status', 'State')).toThrow('status.wgsl has no struct State');
  });

  it('and what layouts say is at the head of the modules that name it', () => {
    const files = ['prelude', 'words/bound', 'formats/F32', 'vectors/none', 'among/alone', 'row/first', 'from/row', 'input/direct', 'reduce/one', 'activate'];
    expect(kernelSource({ kernel: 'matvec', files })).toMatch(/^const PanelRows : u32 = 32u;$/m);
    expect(kernelSource({ kernel: 'gate', files: ['activate', 'state'] })).not.toContain('PanelRows');
  });
});
