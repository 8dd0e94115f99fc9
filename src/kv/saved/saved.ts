// A sequence saved as bytes, and gone on from: its tokens and what its layers keep, in parts of which none is larger than a buffer.
import { type ByteRange } from '../../gpu/read-bytes.ts';
import { readInPieces } from '../../gpu/read-in-pieces.ts';
import { layersOf, pagesOf, writeTokens } from '../pages.ts';
import { cachesOf } from '../segment.ts';
import { type Sequence, type SequenceHome } from '../sequence.ts';
import { checkInMemory } from './away.ts';
import { type PageKinds } from './coding/coded.ts';
import { type SavedPart, checkSavable, emptyShaped, kindOf, partsOfShaped, putShaped, shapeOfSaved } from './shaped.ts';
import {
  type Snapshot, type SnapshotOf, checkOf, checkSums, damagedParts, headerOf, joined, packParts, pageVersion, splitParts, unpackParts,
} from './snapshot.ts';

const snapshotOf = ({ format, angles, shape }: SequenceHome, model: string): SnapshotOf =>
  ({ model, format: format.name, pages: pageVersion, angles, ...shapeOfSaved(shape) });

export const save = async (home: SequenceHome, sequence: Sequence, model: string): Promise<Uint8Array<ArrayBuffer>> =>
  joined(await saveParts(home, sequence, model));

/** What a layer keeps, and what is told of it, if a policy shapes it. */
function partsOf(home: SequenceHome, sequence: Sequence, length: number): { parts: SavedPart[]; shaped?: Snapshot['shaped'] } {
  if (home.shape) return partsOfShaped(home, sequence);
  const pages = pagesOf(home, length);
  const kinds = cachesOf(home.config).map((heads) => kindOf(home, heads));
  return { parts: layersOf(home, sequence).map((buffer, layer) => ({ ranges: [{ buffer, byteLength: pages[layer] }], kind: kinds[layer] })) };
}

/** A sequence of this home as one without a policy: of one whose slots all lie where they were run. */
const plainOf = (home: SequenceHome): SequenceHome => ({ ...home, shape: undefined });

/** The slots of a text that was run alone, whatever policy it was run under: parts as of a sequence without one. */
export const savePlain = (home: SequenceHome, sequence: Sequence, model: string): Promise<Uint8Array[]> => saveParts(plainOf(home), sequence, model);

/** What `savePlain` has made, if it is of this model; as `unpackParts`, and RequestError for other parts than its tokens have. */
export function unpackPlain(home: SequenceHome, parts: readonly Uint8Array[], model: string): Snapshot {
  const snapshot = unpackParts(parts, snapshotOf(plainOf(home), model));
  checkPages(home, snapshot.layers, snapshot.tokens.length);
  return snapshot;
}

export const kindsOfPlain = (home: SequenceHome, sequence: Sequence): PageKinds => kindsOfParts(plainOf(home), sequence);

/** Of what kind the parts behind the header are, whatever a sequence of this home has. */
export const kindsOfParts = (home: SequenceHome, sequence: Sequence): PageKinds => partsOf(home, sequence, 0).parts.map(({ kind }) => kind);

/** In parts of which none is larger than a layer: together they may be larger than what is well copied in one piece. */
export async function saveParts(home: SequenceHome, sequence: Sequence, model: string): Promise<Uint8Array[]> {
  checkSavable(home.shape);
  const { device, ledger, config: { vocab } } = home;
  const memory = sequence.memory?.source(sequence.tokens.length);
  const length = sequence.memory ? (memory?.length ?? 0) : sequence.tokens.length;
  const { parts, shaped } = partsOf(home, sequence, length);
  checkInMemory(home, shaped);
  if (memory) parts.push({ ranges: [{ buffer: memory.buffer, byteLength: memory.buffer.size }] });
  const layers: Uint8Array[] = [];
  // A plan has room for a row of logits on its way to the CPU, which are none between steps.
  const read = (part: ByteRange) => readInPieces(device, ledger, 'sequence.save', { ...part, least: 4 * vocab });
  for (const { before, ranges } of parts) {
    const pieces: Uint8Array[] = [];
    if (length && before) for await (const piece of before()) pieces.push(piece.slice()); // it goes on
    for (const range of length ? ranges : []) pieces.push(await read(range));
    layers.push(pieces.length === 1 ? pieces[0] : joined(pieces));
  }
  // What a policy has dropped cannot be cut: all of it is kept, and cut to where a recurrent state goes on as it is restored.
  const tokens = sequence.tokens.slice(0, shaped ? undefined : length);
  return packParts({
    of: snapshotOf(home, model), tokens: length ? tokens : [], layers, ...(shaped && length && { shaped: { ...shaped, length } }),
    ...(sequence.approximate && { approximate: true }),
  });
}

export async function restore(home: SequenceHome, sequence: Sequence, bytes: Uint8Array, model: string): Promise<void> {
  const [first, ...layers] = splitParts(bytes);
  await checkSums(first, layers);
  await restoreParts(home, sequence, [first, ...layers], model);
}

/** Throws what `restoreParts` would throw of what has this first part, as far as it says. */
export function checkHeader(home: SequenceHome, first: Uint8Array, model: string): void {
  checkSavable(home.shape);
  const { of, shaped } = headerOf(first);
  checkOf(of, snapshotOf(home, model));
  checkInMemory(home, shaped);
}

/** Throws what `restoreParts` would throw of parts that are of something else. */
export function checkParts(home: SequenceHome, parts: readonly Uint8Array[], model: string): void {
  checkSavable(home.shape);
  checkInMemory(home, unpackParts(parts, snapshotOf(home, model)).shaped);
}

/** Parts of something else leave the sequence as it was; where what they hold cannot be put, it is empty, and as good as a new one. */
export async function restoreParts(home: SequenceHome, sequence: Sequence, parts: readonly Uint8Array[], model: string): Promise<void> {
  checkSavable(home.shape);
  const snapshot = unpackParts(parts, snapshotOf(home, model));
  checkInMemory(home, snapshot.shaped);
  sequence.truncate(0);
  if (!snapshot.tokens.length) return;
  try {
    await putSnapshot(home, sequence, snapshot);
  } catch (error) {
    emptyShaped(sequence);
    sequence.truncate(0);
    throw error;
  }
}

async function putSnapshot(home: SequenceHome, sequence: Sequence, snapshot: Snapshot): Promise<void> {
  const { tokens, layers, shaped } = snapshot;
  const { memory } = sequence;
  const own = memory ? layers.slice(0, -1) : layers;
  if (memory && layers.at(-1)?.byteLength !== memory.stateBytes) throw damagedParts();
  if (home.shape) await putShaped(home, sequence, { ...snapshot, layers: own });
  else await put(home, sequence, own, tokens.length);
  const length = shaped?.length ?? tokens.length;
  memory?.write(layers.at(-1)!.slice(), length);
  writeTokens(home, sequence, tokens);
  sequence.approximate = snapshot.approximate ?? false;
  if (length < tokens.length) sequence.truncate(length);
}

function checkPages(home: SequenceHome, layers: readonly Uint8Array[], length: number): void {
  const wanted = pagesOf(home, length);
  if (layers.length !== wanted.length || wanted.some((size, i) => layers[i].byteLength !== size)) throw damagedParts();
}

async function put(home: SequenceHome, sequence: Sequence, layers: readonly Uint8Array[], length: number): Promise<void> {
  checkPages(home, layers, length);
  await sequence.makeRoom(length);
  layersOf(home, sequence).forEach((buffer, layer) => home.device.queue.writeBuffer(buffer, 0, layers[layer].slice()));
}
