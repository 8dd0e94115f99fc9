// The kernel catalogue: the importer of .wgsl, but for that of rare weight types, which comes with them. A module is a plain
// concatenation of constants and files, with their directives at its head; bindings and parameters are read off the WGSL, so
// that it is their only description.
import { formats } from '../formats/catalogue.ts';
import { panelRows } from '../formats/panel.ts';
import { noSlot } from '../formats/slots.ts';
import { pageSlots } from '../kv/formats/format.ts';

const files = import.meta.glob<string>(['../../shaders/**/*.wgsl', '!../../shaders/**/rare/**', '!../../shaders/**/policies/**'], {
  query: '?raw', import: 'default', eager: true,
});
/** A kernel and what its module is made of are named without `kernels/` and `parts/`; formats of weights and of keys with their folder. */
export const shaderName = (path: string) =>
  path.replace(/^.*shaders\//, '').replace(/^(?:kernels\/(?:sampling\/|rare\/|policies\/\w+\/)?|parts\/(?:rare\/)?)/, '')
    .replace(/^kv\/policies\//, 'kv/').replace(/\.wgsl$/, '');
const sources = new Map(Object.entries(files).map(([path, text]) => [shaderName(path), text]));
/** Those that come late and that nothing is measured with: they have no part in `kernelsHash`. */
const late = new Map<string, string>();
function textOf(name: string): string | undefined {
  const [, folder, type] = /^(formats|table)\/(.*)$/.exec(name) ?? [];
  return sources.get(name) ?? late.get(name) ?? (folder === 'table' ? formats.get(type)?.tableShader : formats.get(type)?.shader);
}

/** Shader files that come with what dispatches them, text by path. */
export const addShaders = (more: Record<string, string>): void => Object.entries(more).forEach(([path, text]) => void sources.set(shaderName(path), text));

/** Those of policies of keys and values, at any time. */
export const addLateShaders = (more: Record<string, string>): void => Object.entries(more).forEach(([path, text]) => void late.set(shaderName(path), text));

/** Numbers of the layouts of weights, pools, keys and values: TypeScript says them, and a module that names one has it at its head. */
const layouts = { PanelRows: panelRows, PageSlots: pageSlots, NoSlot: noSlot };

/** The number that a shader file says in `const NAME : u32 = 8u;`, so that it is said there alone. */
export function wgslNumber(file: string, name: string): number {
  const found = new RegExp(`^const ${name} : (?:u32|f32) = ([\\d.]+)u?;`, 'm').exec(sources.get(file) ?? '');
  if (!found) throw new Error(`shaders: ${file}.wgsl says no number ${name}.`);
  return Number(found[1]);
}

/** Bytes of a struct of a shader file whose fields are u32, f32 and arrays of them. */
export function wgslStructBytes(file: string, name: string): number {
  const body = new RegExp(`^struct ${name} \\{([^}]*)\\}`, 'm').exec(sources.get(file) ?? '')?.[1];
  if (!body) throw new Error(`shaders: ${file}.wgsl has no struct ${name}.`);
  const fields = [...body.matchAll(/^\s*\w+\s*:\s*(?:array<(?:u32|f32), (\d+)>|u32|f32),/gm)];
  return fields.reduce((bytes, [, count = '1']) => bytes + 4 * Number(count), 0);
}

/** Everything that makes a pipeline; equal specs share one. */
export interface KernelSpec {
  /** File in shaders/kernels with the entry point `main`. */
  kernel: string;
  /** Files of the other folders put in front of it, in order. */
  files?: string[];
  /** Module constants that size arrays or workgroups: naga, Firefox's compiler, ends the process at overrides in such sizes. */
  consts?: Record<string, number>;
  /** Pipeline overrides. */
  constants?: Record<string, number>;
}

export interface KernelInterface {
  /** Bindings by name. */
  bindings: Map<string, { binding: number; type: GPUBufferBindingType }>;
  /** Fields of the uniform `Params`, in order, each 4 bytes. */
  params: { name: string; type: 'u32' | 'f32' }[];
  /** Which element they are, where the uniform is an array: kernels that share a bind group have one each. */
  slot?: number;
}

export interface Kernel extends KernelInterface {
  spec: KernelSpec;
  pipeline: GPUComputePipeline;
  layout: GPUBindGroupLayout;
}

/** The text of one shader file, as tests change it to see what wrong kernels do. */
export function shaderText(name: string): string {
  const text = textOf(name);
  if (text === undefined) throw new Error(`There is no shader file ${name}.wgsl.`);
  return text;
}

export const kernelKey = (spec: KernelSpec): string => JSON.stringify([spec.kernel, spec.files, spec.consts, spec.constants]);

/** `replaced`: text in place of that of some files. */
export function kernelSource({ kernel, files = [], consts = {} }: KernelSpec, replaced: Record<string, string> = {}): string {
  const directives = new Set<string>(); // which WGSL has before all else
  const parts = [...files, kernel].map((name) => {
    const text = replaced[name] ?? textOf(name);
    if (text === undefined) throw new Error(`There is no shader file ${name}.wgsl; the kernel ${kernel} asks for it.`);
    return text.replace(/^(?:enable|requires|diagnostic)\b.*;\n/gm, (directive) => {
      directives.add(directive);
      return '';
    });
  });
  const shared = Object.entries(layouts).filter(([name]) => parts.some((part) => part.includes(name)));
  const constants = [...shared, ...Object.entries(consts)].map(([name, value]) => `const ${name} : u32 = ${value}u;\n`);
  return [...directives, ...constants, ...parts].join('');
}

/** Reads the bindings and the fields of `Params` off WGSL source. */
export function readInterface(source: string): KernelInterface {
  const bindings: KernelInterface['bindings'] = new Map();
  for (const [, binding, space, name] of source.matchAll(/@group\(0\)\s*@binding\((\d+)\)\s*var<([^>]+)>\s*(\w+)/g)) {
    const type = space === 'uniform' ? 'uniform' : space.includes('read_write') ? 'storage' : 'read-only-storage';
    bindings.set(name, { binding: Number(binding), type });
  }
  const body = /struct Params \{([^}]*)\}/.exec(source)?.[1] ?? '';
  const params = [...body.matchAll(/^\s*(\w+)\s*:\s*(u32|f32)\s*,/gm)].map(([, name, type]) => ({ name, type: type as 'u32' | 'f32' }));
  const [, slot] = /^const Slot : u32 = (\d+)u;/m.exec(source) ?? [];
  return { bindings, params, ...(slot && { slot: Number(slot) }) };
}

/** FNV-1a. */
function hashOf(texts: Iterable<string>): string {
  let hash = 0x811c9dc5;
  for (const text of texts) for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16);
}

/** Set when windrow is built: a hash of what records, measures and tests kernels (scripts/site/recorded-by.mjs). */
declare const __RECORDED_BY__: string | undefined;
const recordedBy = typeof __RECORDED_BY__ === 'string' ? __RECORDED_BY__ : '';

/** Changes when any shader does, or what dispatches them: what was measured and tested with them holds for it. Rare weight types are apart: `typeHashes`. */
export const kernelsHash = (replaced: Record<string, string> = {}): string => hashOf([recordedBy, ...sources.values(), ...Object.values(replaced)]);

/** The same of each of `types` whose shaders come with it: other models have nothing to do with those. */
export const typeHashes = (types: readonly string[]): Record<string, string> =>
  Object.fromEntries(types.flatMap((type) => {
    const { shader, tableShader = '' } = formats.get(type) ?? {};
    return shader === undefined ? [] : [[type, hashOf([shader, tableShader])]];
  }));

/** The browser or the driver does not take a kernel. */
export class CompileError extends Error {}

export interface KernelCache {
  get(spec: KernelSpec): Promise<Kernel>;
  /** Of all the sources behind it, and of those of the model's rare weight types. */
  readonly hash: string;
  readonly types?: Record<string, string>;
}

/**
 * Compiles kernels in parallel, each distinct spec once. `replaced`: text in place of that of some files, to see what wrong kernels do;
 * `types`: the model's weight types.
 */
export function createKernelCache(device: GPUDevice, replaced: Record<string, string> = {}, types: readonly string[] = []): KernelCache {
  const kernels = new Map<string, Promise<Kernel>>();
  const modules = new Map<string, GPUShaderModule>();

  async function compile(spec: KernelSpec): Promise<Kernel> {
    const code = kernelSource(spec, replaced);
    let shader = modules.get(code);
    if (!shader) {
      device.pushErrorScope('validation'); // the pipeline tells of it
      modules.set(code, (shader = device.createShaderModule({ label: spec.kernel, code })));
      void device.popErrorScope().catch(() => undefined);
    }
    const found = readInterface(code);
    const layout = device.createBindGroupLayout({
      label: spec.kernel,
      entries: [...found.bindings.values()].map(({ binding, type }) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } })),
    });
    try {
      const pipeline = await device.createComputePipelineAsync({
        label: spec.kernel,
        layout: device.createPipelineLayout({ label: spec.kernel, bindGroupLayouts: [layout] }),
        compute: { module: shader, entryPoint: 'main', constants: spec.constants },
      });
      return { ...found, spec, pipeline, layout };
    } catch (error) {
      const { messages } = await shader.getCompilationInfo();
      const lines = messages.map((m) => `[${m.type} at ${m.lineNum}:${m.linePos}] ${m.message}`);
      throw new CompileError(`The kernel ${kernelKey(spec)} does not compile: ${(error as Error).message}\n${lines.join('\n')}`, { cause: error });
    }
  }

  return {
    hash: kernelsHash(replaced),
    types: typeHashes(types),
    get(spec) {
      const key = kernelKey(spec);
      let kernel = kernels.get(key);
      if (!kernel) kernels.set(key, (kernel = compile(spec)));
      return kernel;
    },
  };
}
