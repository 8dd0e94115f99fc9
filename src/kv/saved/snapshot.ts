// A sequence as bytes, to be kept and gone on from later: its tokens and the pages of every layer, with what they were made
// by. Knows no GPU and no storage.
import { RequestError } from '../../errors.ts';
import { type HeldNumbers } from '../sets.ts';
import { sumOf, sumOfWords } from './sum.ts';

/** What keys and values depend on beside the tokens. A snapshot is good for exactly the same; a new release alone changes none. */
export interface SnapshotOf {
  /** Id of the stored model, which tells its weights. */
  model: string;
  /** Name of the format of keys and values. */
  format: string;
  /** Version of the layout of pages: `pageVersion`. */
  pages: number;
  /** What decided how keys are turned, where that depends on more than the model. */
  angles?: string;
  /** The policy with its options, and what tells its plan, if one shapes keys and values. */
  policy?: string;
  plan?: string;
  /** In words what was planned for. Says why plans differ: those of other rooms may be the same. */
  room?: string;
}

/** What is told of a sequence that a policy shapes, beside its bytes. */
export interface ShapedNumbers {
  /** As `Shaped` has them. */
  base: number;
  since: number;
  promptLength: number;
  joined?: number;
  queried?: number;
  /** Default: `since`. */
  noted?: number;
  /** Whether something was chosen for the next token, where that has to be brought first. */
  hasChosen?: boolean;
  /** Tokens that a recurrent state has run, if there is one; else all. */
  length: number;
  /** Of each layer that has sets. */
  layers: HeldNumbers[];
}

export interface Snapshot {
  of: SnapshotOf;
  tokens: number[];
  /** The pages of each cache, as far as tokens fill them, and then the state of operations that keep another, if there are such. */
  layers: Uint8Array[];
  /** Where a policy shapes them. */
  shaped?: ShapedNumbers;
  /** Where the sequence is (`Sequence`). */
  approximate?: true;
}

/** To be raised when the same name of a format means other bytes. */
export const pageVersion = 1;

const magic = 'windrow sequence\n';

/** Of coded parts, to be raised when the same codes mean other bytes. */
export const codingVersion = 1;

/** How parts behind the header are coded: of each its bytes and their sum before, or null where it is as it was. */
export interface Coding {
  version: number;
  parts: ({ bytes: number; sum: number } | null)[];
}

/** One after the other: magic, length of the header (u32) and header (JSON), then each of the layers. */
export function packParts({ layers, ...header }: Snapshot): Uint8Array[] {
  return [packHeader({ ...header, layers: layers.map(({ byteLength }) => byteLength), sums: layers.map((layer) => inHex(sumOfWords(layer))) }), ...layers];
}

/** As long for any sum, so that snapshots of the same parts are. */
const inHex = (sum: number): string => sum.toString(16).padStart(8, '0');

/** With the sum of its JSON at the end of that. */
function packHeader(header: Header): Uint8Array<ArrayBuffer> {
  const own = JSON.stringify(header);
  const json = new TextEncoder().encode(`${own.slice(0, -1)},"sum":"${inHex(sumOf(new TextEncoder().encode(own)))}"}`);
  const start = new Uint8Array(headStart + json.length);
  start.set(new TextEncoder().encode(magic));
  new DataView(start.buffer).setUint32(magic.length, json.length, true);
  start.set(json, headStart);
  return start;
}

/** Bytes before the JSON of a header, and of all of it, as its beginning says: 0 for what is no snapshot. */
export const headStart = magic.length + 4;
export const headBytes = (start: Uint8Array): number =>
  start.byteLength < headStart || new TextDecoder().decode(start.subarray(0, magic.length)) !== magic
    ? 0
    : headStart + new DataView(start.buffer, start.byteOffset).getUint32(magic.length, true);

/** What the first part says, whatever the snapshot is of. RequestError for what is none. */
export function headerOf(first: Uint8Array): Header {
  const header = headBytes(first) === first.byteLength ? readHeader(first.subarray(headStart)) : undefined;
  if (!header) throw damaged(first.byteLength);
  return header;
}

/**
 * Rejects with a RequestError where a part is not as it was saved. Those that were saved before parts had sums are taken as they are. `layers`: behind the
 * header, not coded. `pause`: awaited after each.
 */
export async function checkSums(first: Uint8Array, layers: readonly Uint8Array[], pause?: () => Promise<void> | undefined): Promise<void> {
  const { sums } = headerOf(first);
  for (const [i, layer] of sums ? layers.entries() : []) {
    if (inHex(sumOfWords(layer)) !== sums![i])
      throw new RequestError(
        `Part ${i + 1} of ${layers.length} of the saved sequence has another sum than what was saved: it is damaged. Run the conversation again from its text.`,
      );
    await pause?.();
  }
}

/** The first part with something else in its header. */
export const withHeader = (first: Uint8Array, other: Partial<Header>): Uint8Array => packHeader({ ...readHeader(first.subarray(headStart))!, ...other });

export const packSnapshot = (snapshot: Snapshot): Uint8Array<ArrayBuffer> => joined(packParts(snapshot));

export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  parts.reduce((at, part) => (bytes.set(part, at), at + part.byteLength), 0);
  return bytes;
}

/** RequestError for what is no snapshot, is cut off, or is of something else than `expected`. */
export const unpackSnapshot = (bytes: Uint8Array, expected: SnapshotOf): Snapshot => unpackParts(splitParts(bytes), expected);

const damaged = (byteLength: number) =>
  new RequestError(`The ${byteLength} bytes are no saved sequence, or only a part of one. Run the conversation again from its text.`);

/** Of parts of which some are missing, or have another size than a model keeps. */
export const damagedParts = (): RequestError =>
  new RequestError('The saved sequence has other parts than this model keeps: it is damaged. Run the conversation again from its text.');

/** The parts of a snapshot that lies in one piece. */
export function splitParts(bytes: Uint8Array): Uint8Array[] {
  let at = headBytes(bytes);
  const { layers } = (at > 0 && at <= bytes.byteLength && readHeader(bytes.subarray(headStart, at))) || {};
  if (!layers || at + layers.reduce((sum, size) => sum + size, 0) !== bytes.byteLength) throw damaged(bytes.byteLength);
  return [bytes.subarray(0, at), ...layers.map((size) => bytes.subarray(at, (at += size)))];
}

/** As `unpackSnapshot`, of the parts. */
export function unpackParts([first, ...layers]: readonly Uint8Array[], expected: SnapshotOf): Snapshot {
  const { of, tokens, layers: sizes, shaped, approximate } = (first && headBytes(first) === first.byteLength && readHeader(first.subarray(headStart))) || {};
  if (!of || !tokens || !sizes || layers.length !== sizes.length || layers.some(({ byteLength }, i) => byteLength !== sizes[i]))
    throw damaged([first, ...layers].reduce((sum, part) => sum + (part?.byteLength ?? 0), 0));
  checkOf(of, expected);
  return { of, tokens, layers, ...(shaped && { shaped }), ...(approximate && { approximate }) };
}

/** RequestError where it is of something else than `expected`. */
export function checkOf(of: SnapshotOf, expected: SnapshotOf): void {
  for (const name of ['model', 'format', 'pages', 'angles', 'policy', 'plan'] as const) {
    if (of[name] === expected[name]) continue;
    if (name === 'plan') throw otherPlan(of, expected);
    throw new RequestError(
      `The saved sequence is of another model or setting: its ${name} is ${of[name]}, here it is ${expected[name]}. Run the conversation again ` +
      'from its text.',
    );
  }
}

/** Of the same policy and options: those are compared before. */
function otherPlan({ policy, room = 'a room that is not told' }: SnapshotOf, expected: SnapshotOf): RequestError {
  const here = room === expected.room
    ? 'here for the same, but by another release or other measures of heads. Run'
    : `here for ${expected.room}. Load the model with what it was saved with, or run`;
  return new RequestError(`The saved sequence is of another plan of ${policy}: it was planned for ${room}; ${here} the conversation again from its text.`);
}

/** `sums`: of the layers before they were coded; what was saved before there were sums has none. */
export type Header = Pick<Snapshot, 'of' | 'tokens' | 'shaped' | 'approximate'> & { layers: number[]; sums?: string[]; coding?: Coding };

const isCounts = (value: unknown): value is number[] => Array.isArray(value) && value.every(isCount);
const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;

/** Numbers at their places: which of them fit, sets say themselves. */
function isShaped(value: unknown): value is ShapedNumbers {
  const { base, since, promptLength, joined = 0, queried = 0, noted = 0, length, layers } = (value ?? {}) as Record<string, unknown>;
  const isSet = (set: unknown) => {
    const { taken, counts, room, tails } = (set ?? {}) as Record<string, unknown>;
    return isCount(taken) && [counts, room, tails].every(isCounts);
  };
  const isLayer = ({ sets, runs }: { sets?: unknown; runs?: unknown }) => Array.isArray(sets) && sets.every(isSet) && isCounts(runs);
  const counts = [base, since, promptLength, joined, queried, noted, length];
  return counts.every(isCount) && Array.isArray(layers) && layers.every((layer) => isLayer((layer ?? {}) as object));
}

function isCoding(value: unknown): value is Coding {
  const { version, parts } = (value ?? {}) as Record<string, unknown>;
  const isPart = ({ bytes, sum }: { bytes?: unknown; sum?: unknown }) => isCount(bytes) && isCount(sum);
  return isCount(version) && Array.isArray(parts) && parts.every((part) => part === null || isPart(part as object));
}

/** Whether the JSON of a header has the sum that stands at its end, and of one that has sums of parts whether it has its own. */
function isWhole(json: string, sum: unknown, hasSums: boolean): boolean {
  if (sum === undefined) return !hasSums;
  const end = `,"sum":"${String(sum)}"}`;
  return json.endsWith(end) && inHex(sumOf(new TextEncoder().encode(`${json.slice(0, -end.length)}}`))) === sum;
}

function readHeader(bytes: Uint8Array): Header | undefined {
  try {
    const json = new TextDecoder().decode(bytes);
    const { of, tokens, layers, sums, sum, shaped, coding, approximate } = JSON.parse(json) as Record<string, unknown>;
    const fits = typeof of === 'object' && of !== null && isCounts(tokens) && isCounts(layers) && (shaped === undefined || isShaped(shaped))
      && (coding === undefined || isCoding(coding)) && (sums === undefined || (Array.isArray(sums) && sums.length === layers.length));
    if (!fits || !isWhole(json, sum, sums !== undefined)) return undefined;
    return {
      of: of as SnapshotOf, tokens, layers, ...(sums !== undefined && { sums: sums as string[] }),
      ...(shaped !== undefined && { shaped }), ...(coding !== undefined && { coding }),
      ...(approximate === true && { approximate }),
    };
  } catch {
    return undefined;
  }
}
