// The part of bench.html's worker that measures what a model remembers under policies of keys and values: as `windrow kv` does, row by row and text by text,
// with what was measured kept in the browser. A chunk of its own.
import { version } from '../package.json';
import { materialOf, measureRow } from '../src/bench/memory/measure.ts';
import { forgetOthers, forgetPieces, piecesInRecords } from '../src/bench/memory/pieces-in-records.ts';
import { type Probes, checkProbes, longestOf, probesOf } from '../src/bench/memory/probes.ts';
import { type NamedRow } from '../src/bench/memory/table.ts';
import { type Engine, type EngineOptions } from '../src/engine/engine.ts';
import { RequestError } from '../src/errors.ts';
import { parsePolicy } from '../src/kv/written.ts';
import { type ModelSource } from '../src/protocol.ts';
import { openRecords } from '../src/weights/store/records.ts';
import { toHex } from '../src/weights/store/store.ts';

export interface MemoryRequest {
  /** As they are written: `snapkv:share=0.5`. */
  policies: string[];
  /** A text that probes are made of, or probes as JSON. */
  given: { text: string } | { probes: string };
  load: Pick<EngineOptions, 'f32' | 'kernels' | 'budgetBytes'>;
}

/** What comes through the port of a measurement; any message through it the other way stops it. */
export type MemoryNews = { line: string } | { row: NamedRow };

const records = openRecords<unknown>('windrow-bench-memory');

/** What begins the names of what this version measured, which no other one goes on with. */
const ofVersion = `${version} `;

/** What is measured, in so many letters: files by their names, sizes and dates, what lies at an address or is stored by that alone. */
async function nameOf(source: ModelSource, { given, load }: MemoryRequest): Promise<string> {
  const files = 'file' in source ? [source.file] : 'files' in source ? source.files : [];
  const model = files.length ? files.map(({ name, size, lastModified }) => [name, size, lastModified]) : source;
  const bytes = new TextEncoder().encode(JSON.stringify([model, given, load]));
  const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)).subarray(0, 8);
  return ofVersion + toHex(sum);
}

function readProbes(text: string): Probes {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new RequestError(`The probes are not JSON: ${(error as Error).message}. Give a text, or probes.`);
  }
  return checkProbes(value, 'The file of probes');
}

/** The rows that are whole when it is stopped, or all. */
export async function measureMemory(engine: Engine, source: ModelSource, request: MemoryRequest, port: MessagePort): Promise<NamedRow[]> {
  const { policies, given, load } = request;
  const asked = policies.map((policy) => ({ policy, choice: parsePolicy(policy) }));
  let stopped = false;
  port.onmessage = () => (stopped = true);
  const say = (line: string) => port.postMessage({ line } satisfies MemoryNews);
  const open = (more: EngineOptions) => engine.load(source, { ...load, ...more });
  await forgetOthers(records, (of) => of.startsWith(ofVersion));
  const pieces = await piecesInRecords(records, await nameOf(source, request));
  let probes: Probes;
  if ('probes' in given) probes = readProbes(given.probes);
  else {
    say('Loading the model to make probes of the text.');
    await open({ context: 64 });
    probes = probesOf(materialOf(engine.loaded(), given.text));
  }
  const context = longestOf(probes);
  const rows: NamedRow[] = [];
  for (const { policy, choice } of asked) {
    if (stopped) break;
    const row = await measureRow({
      probes, pieces, say, isOver: () => stopped, now: () => performance.now(),
      async loaded(under, run) {
        say(`${policy}: loading the model ${under ? 'under it' : 'with its full memory'}`);
        await open({ kv: load.f32 ? 'f32' : 'f16', ...under, context, sequences: 2 });
        await run(engine.loaded());
      },
    }, policy, choice);
    if (!row) break;
    rows.push(row);
    port.postMessage({ row } satisfies MemoryNews);
  }
  return rows;
}

/** Has the next measurement of it begin anew. */
export const forgetMemory = async (source: ModelSource, request: MemoryRequest): Promise<void> => forgetPieces(records, await nameOf(source, request));
