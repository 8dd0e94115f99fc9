// Values of options, and the engine that they ask for.
import { type Engine, type EngineOptions } from '../engine/engine.ts';
import { RequestError } from '../errors.ts';
import { createNodeEngine } from '../node.ts';
import { openFileSource } from '../weights/file-source.ts';

export interface ModelFlags {
  context?: number;
  budget?: number;
  f32?: boolean;
  variant?: string;
  limits?: string;
  maxBinding?: number;
}

/** `2GiB`, `512MiB`, `100000`. */
export function parseBytes(text: string): number {
  const [, number, unit] = /^\s*([\d.]+)\s*([KMGT]i?B?|B)?\s*$/i.exec(text) ?? [];
  const value = Number(number);
  if (!(value > 0)) throw new RequestError(`"${text}" is not a size; write 2GiB, 512MiB or a number of bytes.`);
  const power = ' KMGT'.indexOf((unit?.[0] ?? ' ').toUpperCase());
  return Math.floor(value * (unit && /^[KMGT]B$/i.test(unit) ? 1000 : 1024) ** Math.max(0, power));
}

export function parseTokens(text: string): number[] {
  const ids = text.split(',').filter((part) => part.trim() !== '').map(Number);
  const bad = ids.findIndex((id) => !(Number.isInteger(id) && id >= 0));
  if (bad >= 0) throw new RequestError(`Token ${bad + 1} of "${text}" is not a whole number.`);
  return ids;
}

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value > 0)) throw new RequestError(`"${text}" is not a whole number above 0.`);
  return value;
}

/** Starts the engine on Dawn and loads the model file. */
export async function openEngine(path: string, flags: ModelFlags, more: Partial<EngineOptions> & { dawnFlags?: string[] } = {}): Promise<Engine> {
  const { dawnFlags, ...options } = more;
  const engine = await createNodeEngine({ dawnFlags, deviceOptions: { limits: flags.limits === 'default' ? 'default' : 'adapter', maxBindingBytes: flags.maxBinding } });
  await engine.load(await openFileSource(path), { budgetBytes: flags.budget, context: flags.context, f32: flags.f32, variant: flags.variant, ...options });
  return engine;
}
