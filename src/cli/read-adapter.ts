// An adapter that an option names: its file, and what multiplies it.
import { readFileSync } from 'node:fs';
import { RequestError } from '../errors.ts';
import { type AdapterOptions } from '../protocol.ts';

/** `adapter.gguf`, or `adapter.gguf:0.5`. */
export function readAdapter(text: string): AdapterOptions {
  const [, path, scale = '1'] = /^(.+?)(?::([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?))?$/i.exec(text) ?? [];
  if (path === undefined) throw new RequestError(`"${text}" is no file of an adapter. Write it as in adapter.gguf or adapter.gguf:0.5.`);
  try {
    return { source: { bytes: new Uint8Array(readFileSync(path)).buffer, name: path }, scale: Number(scale) };
  } catch (error) {
    throw new RequestError(`The adapter ${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? (error as Error).message}). Give another path.`);
  }
}
