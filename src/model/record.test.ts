// Whether what is recorded for real models fits the kernels: names, parameters, bindings, overrides and grids.
import { describe, expect, it } from 'vitest';
import { fixture } from '../../test/models/fixture.ts';
import { families, recurrentFamilies } from '../../test/models/golden.ts';
import { type KernelSpec, kernelKey, kernelSource, readInterface } from '../gpu/kernels.ts';
import { type Binding, type Dispatch, runsIn } from '../gpu/program.ts';
import { kvFormat } from '../kv/formats/catalogue.ts';
import { readHeader } from '../gguf/read.ts';
import { layoutOf } from '../weights/layout.ts';
import { bytesSource } from '../weights/source/source.ts';
import { activationStrides, carriedOf } from './activations.ts';
import { buildGraph } from './build.ts';
import { fewRows } from './blocks/products.ts';
import { type RecordContext } from './operation.ts';
import { costOf, opsOf, record } from './operations.ts';
import { sectionsOf, specsOf } from './sections.ts';
import { type Mode, type KernelChoice } from './choices/kernel-choice.ts';

/** Behind the name of a mixture that is to be read by single neurons. */
const byNeurons = ' by neurons';

const models = [
  'stories260K/stories260K',
  'tiny/tiny-llama-k',
  'tiny/tiny-llama-legacy',
  'tiny/tiny-llama-i',
  'tiny/tiny-llama3',
  'tiny/tiny-mistral',
  'tiny/tiny-qwen2',
  'tiny/tiny-qwen3',
  'tiny/tiny-qwen3moe',
  'tiny/tiny-gemma3',
  'tiny/tiny-phi3',
  ...families.map(({ name }) => `tiny/${name}`),
  `sparse/stories-smallthinker.q8_0${byNeurons}`,
];

const plain: KernelChoice = {
  splits: 1,
  panels: 1,
  prefill: 'rows',
  tile: 'f32',
  few: 0,
  dot: 'f32',
  reduce: 'workgroup',
  span: 128,
  threads: 128,
  part: 0,
  uniform: 0,
  chunk: 256,
};
const fast: KernelChoice = {
  splits: 8, panels: 2, prefill: 'tile', tile: 'f16', few: 4, dot: 'i8', reduce: 'subgroup', span: 64, threads: 32, part: 0, uniform: 0, chunk: 256,
};

const binding = (label: string): Binding => ({ buffer: { label } as GPUBuffer });

async function openModel(name: string) {
  const [file, ofNeurons] = name.split(byNeurons);
  const header = await readHeader(bytesSource(fixture(`${file}.gguf`), file));
  const graph = buildGraph(header, { neurons: ofNeurons !== undefined });
  const sections = sectionsOf(graph);
  return { graph, sections, layout: layoutOf(header, specsOf(sections)) };
}
const opened = new Map<string, ReturnType<typeof openModel>>();

/** Opened once, however often it is recorded. */
const modelOf = (name: string): ReturnType<typeof openModel> => opened.get(name) ?? opened.set(name, openModel(name)).get(name)!;

function interfaceOf(kernel: KernelSpec) {
  const source = kernelSource(kernel);
  return { ...readInterface(source), overrides: new Set([...source.matchAll(/override (\w+)/g)].map(([, name]) => name)) };
}
const interfaces = new Map<string, ReturnType<typeof interfaceOf>>();

/** What a kernel binds and asks for, read once, however many layers and models run it. */
function neededBy(kernel: KernelSpec): ReturnType<typeof interfaceOf> {
  const key = kernelKey(kernel);
  return interfaces.get(key) ?? interfaces.set(key, interfaceOf(kernel)).get(key)!;
}

/** Records every section of a model, each matrix in bindings of at most `mostPanels` panels. */
async function recordModel(name: string, mode: Mode, { kv = 'f32', ...choice }: KernelChoice & { kv?: string }, mostPanels = Infinity): Promise<Dispatch[]> {
  const { graph, sections, layout } = await modelOf(name);
  const strides = activationStrides(graph.config, opsOf(graph));
  const names = [...Object.keys(strides), 'partials', 'expert-order', 'expert-starts', 'active-any', 'neuron-sums'];
  const buffers = Object.fromEntries(names.map((each) => [each, binding(each)])) as RecordContext['activations']['buffers'];
  const context: RecordContext = {
    graph, choice, kv: { format: kvFormat(kv) },
    activations: { buffers, strides, rows: 64, state: binding('state'), angles: binding('angles'), firstAngles: graph.ropes.map((_, i) => 1000 * i) },
  };
  const wholes = new Map<number, Binding>();
  const weightsOf = (section: number) => wholes.get(section) ?? wholes.set(section, binding('weights')).get(section)!;
  const partsOf = (section: number, stack: number) =>
    layout.sections[section].stacks[stack].flatMap((matrix) => {
      const parts = [];
      for (let first = 0; first < matrix.panels.panels; first += mostPanels) {
        const panels = Math.min(mostPanels, matrix.panels.panels - first);
        const whole = { binding: weightsOf(section), first: matrix.offset };
        parts.push({ matrix, panels, firstRow: 32 * first, rows: Math.min(32 * panels, matrix.rows - 32 * first), binding: binding('weights'), whole });
      }
      return parts;
    });
  return sections.flatMap(({ name: section, ops }, index) => {
    const vectorOffset = (tensor: string) => layout.sections[index].vectors.find((vector) => vector.tensor === tensor)!.offset / 4;
    const { pool } = layout.sections[index];
    const part = pool && { binding: binding('pool'), table: binding('table'), slotBytes: pool.itemBytes, stacks: pool.items[0], columns: pool.columns };
    return ops.flatMap(({ op, stacks }) => {
      const place = { vectors: binding('vectors'), vectorOffset, stacks: stacks.map((ref) => partsOf(ref.section, ref.stack)), pool: part && [part] };
      return record(op, context, place, mode, section);
    });
  });
}

const turning: KernelChoice & { kv: string } = { ...plain, turned: 1, kv: 'q8' };
const joining: KernelChoice = { ...fast, turned: 1, joined: 1 };
const variants = models.flatMap((model) => (['decode', 'prefill'] as const).flatMap((mode) => [
  ['plain shapes', model, mode, plain, Infinity] as const,
  ['fast shapes', model, mode, fast, Infinity] as const,
  ['activations shared by broadcast', model, mode, { ...plain, prefill: 'broadcast8' } as KernelChoice, Infinity] as const,
  ['activations and keys shared by many rows', model, mode, { ...plain, prefill: 'wide8', dot: 'shared8' } as KernelChoice, Infinity] as const,
  ...(mode === 'decode' ? [['queries turned by attention', model, mode, turning, Infinity] as const] : []),
  ['8-bit keys and values', model, mode, { ...plain, kv: 'q8' }, Infinity] as const,
  ['bindings of two panels, splits joined by the output projection', model, mode, joining, 2] as const,
]));

describe('record', () => {
  it.each(variants)('with %s, records what each kernel of %s needs in %s', async (_, model, mode, choice, mostPanels) => {
    const dispatches = await recordModel(model, mode, choice, mostPanels);
    expect(dispatches.length).toBeGreaterThan(10);
    const costModel = { config: (await modelOf(model)).graph.config, kvPositionBytes: 1 };
    const wrong: string[] = []; // gathered, as an assertion for each number takes longer than all else
    for (const dispatch of dispatches) {
      const { label, kernel, params = {}, bindings, grid } = dispatch;
      const needed = neededBy(kernel);
      const say = (isRight: boolean, what: string) => void (isRight || wrong.push(`${label}: ${what}`));
      for (const name of needed.bindings.keys()) say(name === 'params' || bindings[name] !== undefined, `${name} is not bound`);
      for (const { name, type } of needed.params)
        say(type === 'u32' ? Number.isInteger(params[name]) && params[name] >= 0 : Number.isFinite(params[name]), `${name} = ${params[name]}`);
      for (const name of Object.keys(kernel.constants ?? {})) say(needed.overrides.has(name), `${name} is no override`);
      for (const step of [{ rows: 1, length: 512 }, ...(mode === 'decode' ? [] : [{ rows: fewRows, length: 512 }, { rows: 128, length: 512 }])]) {
        if (!runsIn({ grid }, step)) continue;
        say(costOf(dispatch, step, costModel) !== undefined, `nothing tells what ${kernel.kernel} costs`);
        const sizes = grid(step).map((size) => size ?? 1);
        say(sizes.every((size) => Number.isInteger(size) && size >= 1 && size <= 65535), `grid ${sizes.join()}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it.each(models)('writes every row of every output of %s once in every step, however its matrices are cut', async (model) => {
    const rowsOf = async (mostPanels: number, choice: KernelChoice = plain, tokens = fewRows + 1) => {
      const written = new Map<string, number[]>();
      for (const { label, params, bindings, grid } of await recordModel(model, 'prefill', choice, mostPanels)) {
        if (params?.first_output === undefined || !runsIn({ grid }, { rows: tokens, length: tokens })) continue;
        const output = `${label} from ${(bindings.input as Binding).buffer.label}`; // a layer adds to x twice
        const rows = written.get(output) ?? [];
        for (let row = 0; row < params.rows; row++) rows.push(params.first_output + row);
        written.set(output, rows);
      }
      return written;
    };
    const whole = await rowsOf(Infinity);
    const cut = await rowsOf(2);
    for (const tokens of [1, fewRows, fewRows + 1])
      expect(await rowsOf(2, { ...plain, few: 2 }, tokens), `${tokens} tokens, few of a kernel of their own`).toEqual(cut);
    expect([...cut.keys()]).toEqual([...whole.keys()]);
    for (const [label, rows] of whole) {
      expect(new Set(rows).size, label).toBe(rows.length);
      expect(cut.get(label)!.toSorted((a, b) => a - b), label).toEqual(rows.toSorted((a, b) => a - b));
    }
  });

  it.each([[32, 0.25], [16, 0.5], [8, 1]])('with %s threads to a row and %s panels, gives a workgroup of decode 256 threads', async (splits, panels) => {
    const dispatches = await recordModel('tiny/tiny-qwen3moe', 'decode', { ...plain, splits, panels });
    const products = dispatches.map(({ kernel }) => kernel).filter(({ kernel }) => kernel === 'matvec' || kernel === 'experts');
    expect(new Set(products.map(({ kernel }) => kernel)).size).toBe(2);
    for (const { kernel, consts } of products) expect(consts!.Splits * (consts!.RowsEach ?? 32), kernel).toBe(256);
  });

  it('has five dispatches for a layer in decode where attention turns its queries, and six where several splits are to be joined', async () => {
    const dispatches = await recordModel('stories260K/stories260K', 'decode', { ...plain, turned: 1 });
    const kernelsAt = (length: number) =>
      dispatches.filter((each) => each.label.startsWith('layer.0.') && runsIn(each, { rows: 1, length })).map(({ kernel }) => kernel.kernel);
    expect(kernelsAt(128)).toEqual(['matvec', 'attention-decode', 'matvec', 'matvec', 'matvec']);
    expect(kernelsAt(129)).toEqual(['matvec', 'attention-decode', 'attention-reduce', 'matvec', 'matvec', 'matvec']);
  });

  it('has five dispatches for several splits too where the output projection joins them, up to eight, and six without turned queries', async () => {
    const dispatches = await recordModel('stories260K/stories260K', 'decode', { ...plain, turned: 1, joined: 1 });
    const kernelsAt = (length: number, of = dispatches) =>
      of.filter((each) => each.label.startsWith('layer.0.') && runsIn(each, { rows: 1, length })).map(({ kernel: { kernel, files } }) =>
        (files!.includes('from/splits') ? 'joining' : kernel));
    expect(kernelsAt(128)).toEqual(['matvec', 'attention-decode', 'matvec', 'matvec', 'matvec']);
    for (const length of [129, 1024]) expect(kernelsAt(length)).toEqual(['matvec', 'attention-decode', 'joining', 'matvec', 'matvec']);
    expect(kernelsAt(1025)).toEqual(['matvec', 'attention-decode', 'attention-reduce', 'matvec', 'matvec', 'matvec']);
    const unturned = await recordModel('stories260K/stories260K', 'decode', { ...plain, joined: 1 });
    for (const length of [1, 1024]) expect(kernelsAt(length, unturned)).toEqual(['matvec', 'rope', 'attention-decode', 'joining', 'matvec', 'matvec']);
    const prefill = await recordModel('stories260K/stories260K', 'prefill', { ...plain, joined: 1 });
    expect(prefill.some(({ kernel: { files } }) => files?.includes('from/splits'))).toBe(false);
  });

  it('joins splits in the output projection of no model whose attention has sinks, or whose gate stands between', async () => {
    const joins = async (name: string) =>
      (await recordModel(name, 'decode', { ...plain, joined: 1 })).filter(({ kernel: { files } }) => files?.includes('from/splits')).length;
    expect(await joins('tiny/tiny-qwen3')).toBeGreaterThan(0);
    for (const name of ['tiny/tiny-gpt-oss', 'tiny/tiny-qwen3next']) expect(await joins(name), name).toBe(0);
  });

  it('has products of a layer that follow each other bind the same in decode: down what gate and up do, and the output projection where it joins', async () => {
    const boundBy = ({ kernel, bindings }: Dispatch) => [...neededBy(kernel).bindings].map(([name, { binding: at, type }]) =>
      `${at} ${type} ${name === 'params' ? '' : (bindings[name] as Binding).buffer.label}`).sort().join(', ');
    const sets = async (name: string, choice: KernelChoice, mostPanels?: number) => {
      const all = await recordModel(name, 'decode', choice, mostPanels);
      return all.filter(({ label, kernel: { kernel } }) => kernel === 'matvec' && label.startsWith('layer.0.')).map((each) => [
        each.label.replace('layer.0.', ''), each.kernel.files!.find((file) => /among\/[^s]/.test(file))!.replace('among/', ''), boundBy(each),
      ]);
    };
    const joined = await sets('stories260K/stories260K', { ...plain, turned: 1, joined: 1 });
    expect(joined.map(([label, role]) => `${label} ${role}`)).toEqual(['qkv alone', 'x.joined back', 'x alone', 'hidden up', 'x down']);
    expect(new Set(joined.filter(([, role]) => role !== 'alone').map(([, , bound]) => bound)).size).toBe(1);
    const [, , up, down] = await sets('stories260K/stories260K', plain);
    expect([up[1], down[1]]).toEqual(['up', 'down']);
    expect(up[2]).toBe(down[2]);
    expect(up[2]).not.toContain('partials');
    for (const [name, panels] of [['tiny/tiny-gemma3', undefined], ['stories260K/stories260K', 2]] as const)
      expect((await sets(name, plain, panels)).map(([label, role]) => `${label} ${role}`), name).not.toContain('hidden up');
  });

  it('fuses gate and up in decode where they are one binding, and not where they are several', async () => {
    const kernels = async (mostPanels: number) =>
      (await recordModel('stories260K/stories260K', 'decode', plain, mostPanels)).map(({ kernel }) => kernel.kernel);
    expect(await kernels(Infinity)).not.toContain('gate');
    expect((await kernels(2)).filter((name) => name === 'gate')).toHaveLength(5);
  });
});

/** The activation buffers that each layer reads before it has written them, but for those that it only adds to. */
function readFromOutside(dispatches: readonly Dispatch[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  const written = new Map<string, Set<string>>();
  for (const { label, kernel, bindings } of dispatches) {
    const [layer] = /^layer\.\d+/.exec(label) ?? [];
    if (layer === undefined) continue;
    const [outside, here] = [found, written].map((sets) => sets.get(layer) ?? sets.set(layer, new Set()).get(layer)!);
    const accesses = [...kernelSource(kernel).matchAll(/var<storage, (read|read_write)> (\w+)/g)];
    const ofAccess = (access: string) => accesses.flatMap(([, each, name]) => {
      const given = bindings[name];
      return each === access && given && 'buffer' in given ? [given.buffer.label] : [];
    });
    for (const buffer of ofAccess('read')) if (!here.has(buffer)) outside.add(buffer);
    for (const buffer of ofAccess('read_write')) here.add(buffer);
  }
  return found;
}

/** The states that what comes before some product of a layer and what comes from there on both use, so that chunks could not pass one by one. */
function statesAcross(dispatches: readonly Dispatch[]): string[] {
  const statesOf = ({ bindings }: Dispatch): string[] => {
    const found: string[] = [];
    const sequence = { state: binding('state'), ids: binding('ids'), fresh: binding, recurrent: (name: string) => (found.push(name), binding(name)) };
    for (const each of Object.values(bindings)) if (typeof each === 'function') (each as (of: typeof sequence) => Binding)(sequence);
    return found;
  };
  const before = new Set<string>();
  const across = new Set<string>();
  let since: string[] = [];
  for (const dispatch of dispatches) {
    if ('weights' in dispatch.bindings) since = (since.forEach((name) => before.add(name)), []);
    for (const name of statesOf(dispatch)) {
      if (before.has(name)) across.add(name);
      since.push(name);
    }
  }
  return [...across];
}

const notActivations = new Set(['weights', 'vectors', 'state', 'angles', 'pool', 'table']);

describe('a family', () => {
  it.each([...new Set([...models, ...recurrentFamilies.map(({ name }) => `tiny/${name}`)])])('%s names what its layers leave each other', async (name) => {
    const { graph } = await modelOf(name);
    const embedded = [graph.embed, graph.ownEmbed].map((each) => each?.output);
    const isCarried = (layer: string, buffer: string) => !notActivations.has(buffer) && !(layer === 'layer.0' && embedded.includes(buffer));
    const found = readFromOutside(await recordModel(name, 'prefill', plain));
    expect([...found.keys()]).toEqual(graph.layers.map((_, layer) => `layer.${layer}`));
    const all = [...found].flatMap(([layer, buffers]) => [...buffers].filter((buffer) => isCarried(layer, buffer)));
    expect([...new Set(all)].sort()).toEqual([...carriedOf(graph)].sort());
  });

  it.each([...models, ...recurrentFamilies.map(({ name }) => `tiny/${name}`)])('%s uses no state on both sides of a product', async (name) => {
    for (const mode of ['decode', 'prefill'] as const) expect(statesAcross(await recordModel(name, mode, plain, 2)), mode).toEqual([]);
  });
});
