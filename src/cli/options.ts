// Values of options, and the engine that they ask for.
import { openAsBlob } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Engine, type EngineOptions } from '../engine/engine.ts';
import { RequestError } from '../errors.ts';
import { type DeviceOptions } from '../gpu/device.ts';
import { createNodeEngine } from '../node.ts';
import { parsePairs } from '../pairs.ts';
import { type AdapterOptions, type ExpertsRead, type GateActivation } from '../protocol.ts';
import { openFileSource } from '../weights/source/file-source.ts';

export interface ModelFlags {
  context?: number;
  sequences?: number;
  budget?: number;
  ram?: number;
  experts?: ExpertsRead;
  activation?: GateActivation;
  guesses?: number;
  shortContext?: number;
  draft?: string;
  f32?: boolean;
  kv?: string;
  kvOptions?: Record<string, number>;
  kvHeads?: number[][];
  kvBudget?: number;
  lora?: AdapterOptions[];
  kernels?: string;
  retune?: boolean;
  tokensPerSubmit?: number;
  limits?: string;
  maxBinding?: number;
}

/** `1,2,3` */
export function parseTokens(text: string): number[] {
  const parts = text.trim() === '' ? [] : text.split(',');
  const bad = parts.findIndex((part) => !/^\s*\d+\s*$/.test(part));
  if (bad >= 0) throw new RequestError(`Token ${bad + 1} of "${text}" is "${parts[bad]}"; a whole number is needed, as in 1,2,3.`);
  return parts.map(Number);
}

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value > 0)) throw new RequestError(`"${text}" is not a whole number above 0.`);
  return value;
}

export function parsePort(text: string): number {
  const value = Number(text);
  if (!(/^\d+$/.test(text) && value <= 65535)) throw new RequestError(`"${text}" is no port; it must be a whole number from 0 to 65535.`);
  return value;
}

export function parsePattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw new RequestError(`"${text}" is no regular expression: ${(error as Error).message}`);
  }
}

/** What the JSON file `path` holds, which `option` named. */
export async function readJson(path: string, option: string): Promise<unknown> {
  const text = await readFile(path, 'utf8');
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new RequestError(`${option}: ${path} is not JSON: ${(error as Error).message}`);
  }
}

/** `262=-100,313=5` */
export const parseBiases = (text: string): Record<number, number> =>
  Object.fromEntries(
    parsePairs(text, /^\d+$/, 'no token with its bias; write them as in 262=-100,313=5').map(([id, bias]) => [Number(id), bias]),
  ) as Record<number, number>;

/** `{"enable_thinking": false}` */
export function parseObject(text: string): Record<string, unknown> {
  const wrong = (): RequestError => new RequestError(`"${text}" is no object of JSON; write it as in {"enable_thinking": false}.`);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    throw wrong();
  }
  throw wrong();
}

/** `128,512,2048` */
export const parseContexts = (text: string): number[] => text.split(',').map(positiveInteger);

export const deviceOptions = ({ limits, maxBinding }: ModelFlags): DeviceOptions => ({
  limits: limits === 'default' ? 'default' : 'adapter',
  maxBindingBytes: maxBinding,
});

/** What the flags say about guesses. A file is read when its bytes are needed. */
async function speculationOf({ guesses, shortContext, draft }: ModelFlags): Promise<EngineOptions['speculation']> {
  if (draft === undefined && (guesses ?? shortContext) === undefined) return undefined;
  if (draft === undefined) return { most: guesses, shortContext };
  try {
    return { most: guesses, shortContext, draft: { file: new File([await openAsBlob(draft)], basename(draft)) } };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new RequestError(`The draft model ${draft} cannot be read (${code ?? message}). Give another path.`);
  }
}

/** What the flags say about loading. */
export const loadOptions = async (flags: ModelFlags): Promise<EngineOptions> => ({
  adapters: flags.lora,
  budgetBytes: flags.budget,
  ramBytes: flags.ram,
  experts: flags.experts,
  activation: flags.activation,
  speculation: await speculationOf(flags),
  context: flags.context,
  sequences: flags.sequences,
  f32: flags.f32,
  kv: flags.kv,
  kvOptions: flags.kvOptions,
  kvHeads: flags.kvHeads,
  kvBudgetBytes: flags.kvBudget,
  kernels: flags.kernels,
  experiment: { tokensPerSubmit: flags.tokensPerSubmit },
  retune: flags.retune,
});

/** Starts the engine on Dawn and loads the model file. */
export async function openEngine(path: string, flags: ModelFlags, more: Partial<EngineOptions> & { dawnFlags?: string[] } = {}): Promise<Engine> {
  const { dawnFlags, ...options } = more;
  const engine = await createNodeEngine({ dawnFlags, deviceOptions: deviceOptions(flags) });
  const { warnings = [] } = await engine.load(await openFileSource(path), { ...(await loadOptions(flags)), ...options });
  for (const warning of warnings) console.error(`Warning: ${warning}`);
  return engine;
}

/** Runs something with an engine that has the model file loaded, and unloads and closes both. */
export async function withEngine<T>(path: string, flags: ModelFlags, run: (engine: Engine) => Promise<T>): Promise<T> {
  const engine = await createNodeEngine({ deviceOptions: deviceOptions(flags) });
  const source = await openFileSource(path);
  try {
    await engine.load(source, await loadOptions(flags));
    return await run(engine);
  } finally {
    await engine.unload();
    await source.close();
  }
}
