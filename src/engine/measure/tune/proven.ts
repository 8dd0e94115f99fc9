// Choices whose kernels have passed the self-test on this adapter: what fails is dropped for the next candidate, with a
// warning that names it, until all pass or nothing is left. Chooses nothing by speed.
import { DeviceError } from '../../../errors.ts';
import { type Gpu, lossOf } from '../../../gpu/device.ts';
import { type KernelCache } from '../../../gpu/kernels.ts';
import { type Ledger } from '../../../gpu/ledger.ts';
import { type CheckResult, type Proves, selfTest } from '../../../gpu/self-test.ts';
import { kvFormat, moreExact } from '../../../kv/formats/catalogue.ts';
import { type KvFormat } from '../../../kv/formats/format.ts';
import { missing } from '../../../model/choices/possible-choices.ts';
import { type KernelChoice, plainAttention } from '../../../model/choices/kernel-choice.ts';
import { usesTiles } from '../../../model/blocks/products.ts';
import { testable } from './kinds.ts';
import { type OpenedModel } from '../../load/opened.ts';
import { type Chosen } from '../../load/options.ts';
import { type AdapterNotes, type Notebook } from './tuning.ts';

export interface Proven {
  chosen: Chosen;
  /** For people: what is not used, and why. */
  warnings: string[];
}

/** A candidate, what came of it in the end, and the check that failed first. */
interface Change {
  from: string;
  to: string;
  failure: CheckResult;
}

/**
 * `untuned` is what the choices fall back to first; `room` is where buffers are booked, asked for only if a test is to be run; without it
 * none is run, and what earlier ones told is taken into account; `only` leaves out checks by name. DeviceError if a kernel fails whatever
 * is chosen.
 */
export async function provenChoice(
  gpu: Gpu,
  kernels: KernelCache,
  opened: OpenedModel,
  chosen: Chosen,
  untuned: KernelChoice,
  { notes, save }: Notebook,
  room?: () => Ledger,
  only?: RegExp,
): Promise<Proven> {
  const ladders = laddersFrom(gpu, untuned, chosen.kv);
  const tried = new Set<string>();
  const changes = new Map<string, Change>();
  for (;;) {
    const results = await selfTest(gpu, { model: testable(opened, chosen), kernels, only, room, known: notes.checks, knownOnly: !room });
    const loss = await lossOf(gpu.device); // which would make every kernel fail
    if (loss) throw loss;
    const fresh = results.filter(({ name, noRoom, passing }) => !noRoom && !passing && !Object.hasOwn(notes.checks, name));
    for (const { name, message = '' } of fresh) notes.checks[name] = message;
    if (fresh.length) await save();
    const failures = results.filter(({ passed }) => !passed);
    if (!failures.length) return { chosen, warnings: [...warningsOf(gpu, [...changes.values()]), ...untestedWarnings(results)] };
    for (const failure of failingFirst(failures)) {
      const next = drop(failure, ladders, tried);
      if (!next) throw refusal(gpu, failure);
      for (const place of placesOf(failure)) changes.set(place, { from: words(failure.choice), failure, ...changes.get(place), to: words(next) });
      chosen = withCandidate(chosen, next, failure.kinds ?? []);
    }
  }
}

/**
 * Those that are to be dropped before others are judged: where f16 is unpacked wrongly, all kernels that read such weights give wrong numbers, and none
 * of their shapes is at fault.
 */
function failingFirst(failures: CheckResult[]): CheckResult[] {
  const ofHalves = failures.filter(({ choice }) => choice.halves === 'unpack');
  return ofHalves.length ? ofHalves : failures;
}

/** Whether some checks that passed at an earlier load (`known`) still do. The driver may be another one since, which no browser tells. */
export async function stillPasses(
  gpu: Gpu,
  kernels: KernelCache,
  opened: OpenedModel,
  chosen: Chosen,
  known: AdapterNotes['checks'],
  room: () => Ledger,
): Promise<boolean> {
  const results = await selfTest(gpu, { model: testable(opened, chosen), kernels, room, known, sample: true });
  return results.every(({ passed, passing }) => passed || passing);
}

/** What to take in turn where a candidate fails, by the first name of the candidate. */
function laddersFrom(gpu: Gpu, choice: KernelChoice, kv: KvFormat): Record<string, Proves[]> {
  const { splits, panels, dot, prefill, tile, reduce, span, threads, part, uniform, lanes } = choice;
  const from = <T>(values: T[], first: T) => values.slice(values.indexOf(first));
  const tiles: Proves[] = (tile === 'f32' ? [tile] : [tile, 'f32' as const]).map((each) => ({ prefill: 'tile', tile: each }));
  const rows: Proves = { prefill: 'rows' };
  const grids = [4, 2, 1].map((each) => ({ splits: each, panels: 1, dot: 'f32' as const }));
  const ladders: Record<string, Proves[]> = {
    splits: [{ splits, panels, dot }, ...grids],
    prefill: usesTiles(prefill) ? [...tiles, rows] : [rows, ...tiles],
    few: [{ few: 0 }], // which needs no kernel, so cannot fail
    kv: moreExact(kv).map(({ name }) => ({ kv: name })),
    reduce: from(['subgroup', 'workgroup'] as const, reduce).map((each) => ({ reduce: each })),
    span: [{ span, threads }, plainAttention],
    halves: [{ halves: 'integers' }], // which needs no check
    turned: [{ turned: 0 }], // which is other kernels, tested by themselves
    joined: [{ joined: 0 }], // likewise
    registers: [{ registers: 0 }],
    part: [{ part, uniform, lanes }, { part, uniform: 0, lanes: 0 }, { part: 0, uniform: 0, lanes: 0 }],
  };
  return Object.fromEntries(Object.entries(ladders).map(([name, choices]) => [name, choices.filter((candidate) => !missing(gpu, candidate))]));
}

/** What a candidate is made for: kinds of matrices, or all of the model. */
const placesOf = ({ choice, kinds = [] }: CheckResult): string[] => {
  const [name] = Object.keys(choice);
  return kinds.length ? kinds.map((kind) => `${name} for ${kind}`) : [name];
};

/** The candidate after one that failed; undefined if there is none, or none was made. */
function drop(failure: CheckResult, ladders: Record<string, Proves[]>, tried: Set<string>): Proves | undefined {
  const places = placesOf(failure);
  const key = (place: string, candidate: Proves) => `${place}: ${words(candidate)}`;
  for (const place of places) tried.add(key(place, failure.choice));
  const ladder = ladders[Object.keys(failure.choice)[0]] ?? [];
  return ladder.find((candidate) => places.every((place) => !tried.has(key(place, candidate))));
}

function withCandidate({ choice, kv }: Chosen, { kv: other, ...candidate }: Proves, kinds: string[]): Chosen {
  if (other !== undefined) return { choice, kv: kvFormat(other) };
  if (!kinds.length) return { kv, choice: { ...choice, ...candidate } };
  return {
    kv,
    choice: { ...choice, matrices: { ...choice.matrices, ...Object.fromEntries(kinds.map((kind) => [kind, { ...choice.matrices?.[kind], ...candidate }])) } },
  };
}

const words = (candidate: Proves): string => Object.entries(candidate).map((pair) => pair.join('=')).join(' ');

/** The first line of what went wrong: compilers say much. */
const reason = ({ message = '' }: CheckResult): string => message.split('\n')[0].slice(0, 300);

/** One for each candidate that was replaced by another, however many matrices it was made for. */
function warningsOf({ adapterName }: Gpu, changes: Change[]): string[] {
  const byText = new Map<string, Set<CheckResult>>();
  for (const { from, to, failure } of changes) {
    const text = `${from} is not used; ${to} is instead`;
    byText.set(text, (byText.get(text) ?? new Set<CheckResult>()).add(failure));
  }
  return [...byText].map(
    ([text, [first, ...others]]) =>
      `${text}, as the kernel "${first.name}"${others.length ? ` (and ${others.length} more)` : ''} fails its self-test on ${adapterName}: ${reason(first)}`,
  );
}

/** What no budget for tests leaves uncertain. */
function untestedWarnings(results: CheckResult[]): string[] {
  const [first, ...others] = results.filter(({ noRoom }) => noRoom);
  return first ? [`The kernel "${first.name}"${others.length ? ` and ${others.length} more` : ''} could not be tested: ${first.skipped}`] : [];
}

const refusal = ({ adapterName }: Gpu, failure: CheckResult): DeviceError =>
  new DeviceError(
    `The kernel "${failure.name}" fails its self-test on ${adapterName}, and there is no other that could be used: ${reason(failure)}. The answers ` +
    'would be wrong. Update the browser or the graphics driver, or choose another GPU.',
    { code: 'kernel_failed' },
  );
