// windrow bench --plan: how long it takes to read a model's header and to plan it at ten budgets. Needs neither a GPU nor
// the weights: a file that is a hole behind its header does.
import { table } from '../../bench/table.ts';
import { openAs } from '../../engine/load/opened.ts';
import { type Plan, type PlanOptions, plan } from '../../engine/load/plan/plan.ts';
import { kvFormat } from '../../kv/formats/catalogue.ts';
import { readHeader } from '../../gguf/read.ts';
import { chunks } from '../../model/choices/kernel-choice.ts';
import { openFileSource } from '../../weights/source/file-source.ts';
import { type ModelFlags } from '../options.ts';
import { type Result } from '../result.ts';

const budgets = [8192, 4096, 2048, 1024, 768, 512, 384, 256, 128, 64].map((mib) => mib * 2 ** 20);
const rounds = 15;
/** As many GPUs allow; smaller limits cut matrices into more parts. */
const maxBufferBytes = 2 ** 31;

interface Row extends Pick<Plan, 'verdict' | 'budgetBytes' | 'chunk' | 'keptBytes'> {
  slices: number;
  /** Of the first plan, and of the quickest, the middle and the slowest one after it: other programs on the machine slow some down. */
  ms: { first: number; least: number; middle: number; most: number };
}

export async function benchPlan(path: string, { context = 4096, kv = 'f16', maxBinding = maxBufferBytes, ...flags }: ModelFlags): Promise<Result> {
  const source = await openFileSource(path);
  const begun = performance.now();
  const header = await readHeader(source);
  const headerMs = performance.now() - begun;
  await source.close();
  const opening = performance.now();
  const opened = await openAs(header, undefined, flags);
  const openMs = performance.now() - opening;
  const options = { context, kv: kvFormat(kv), chunk: Math.max(...chunks), logitsRows: 1, maxBufferBytes, maxBindingBytes: maxBinding };
  const rows = budgets.map((budgetBytes) => planAt(() => plan(opened, { ...options, budgetBytes } satisfies PlanOptions)));
  const json = { model: source.name, storedBytes: opened.layout.byteLength, context, headerMs, openMs, rows };
  return {
    json,
    text: [
      `${source.name}: ${(json.storedBytes / 2 ** 30).toFixed(2)} GiB of weights, context ${context}`,
      `header read in ${headerMs.toFixed(1)} ms, opened in ${openMs.toFixed(1)} ms`,
      ...table(
        ['verdict', 'budget MiB', 'step', 'slices', 'stay MiB', 'first ms', 'least', 'middle', 'most'],
        rows.map(cellsOf),
        1,
      ),
    ].join('\n'),
  };
}

const cellsOf = ({ verdict, budgetBytes, chunk, slices, keptBytes, ms }: Row): string[] => [
  verdict, mib(budgetBytes), String(chunk), String(slices), verdict === 'refused' ? '' : mib(keptBytes), ...Object.values(ms).map((each) => each.toFixed(1)),
];

function planAt(make: () => Plan): Row {
  const [first, ...later] = Array.from({ length: 1 + rounds }, () => timed(make));
  const { verdict, budgetBytes, chunk, keptBytes, slices } = first.value;
  const sorted = later.map(({ ms }) => ms).sort((a, b) => a - b);
  const ms = { first: first.ms, least: sorted[0], middle: sorted[rounds >> 1], most: sorted[rounds - 1] };
  return { verdict, budgetBytes, chunk, keptBytes, slices: slices.length, ms };
}

function timed<T>(act: () => T): { value: T; ms: number } {
  const begun = performance.now();
  const value = act();
  return { value, ms: performance.now() - begun };
}

const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(0);
