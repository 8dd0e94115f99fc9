// A sequence saved as bytes, and gone on from.
import { RequestError } from '../errors.ts';
import { type ByteRange } from '../gpu/read-bytes.ts';
import { readInPieces } from '../gpu/read-in-pieces.ts';
import { layersOf, pagesOf, writeTokens } from './pages.ts';
import { type Sequence, type SequenceHome } from './sequence.ts';
import { type SnapshotOf, joined, packParts, pageVersion, splitParts, unpackParts } from './snapshot.ts';

const snapshotOf = ({ format, angles }: SequenceHome, model: string): SnapshotOf => ({ model, format: format.name, pages: pageVersion, angles });

/** RequestError where a policy shapes keys and values. */
function refuseShaped({ shape }: SequenceHome): void {
  if (shape) throw new RequestError(`Keys and values under the policy ${shape.policy.name} cannot be saved yet. Save the text, or load with kv f16 or q8.`);
}

export const save = async (home: SequenceHome, sequence: Sequence, model: string): Promise<Uint8Array<ArrayBuffer>> =>
  joined(await saveParts(home, sequence, model));

/** In parts of which none is larger than a layer: together they may be larger than what is well copied in one piece. */
export async function saveParts(home: SequenceHome, sequence: Sequence, model: string): Promise<Uint8Array[]> {
  refuseShaped(home);
  const { device, ledger, config: { vocab } } = home;
  const memory = sequence.memory?.source(sequence.tokens.length);
  const tokens = sequence.tokens.slice(0, sequence.memory ? (memory?.length ?? 0) : undefined);
  const pages = pagesOf(home, tokens.length);
  const parts = layersOf(home, sequence).map((buffer, layer) => ({ buffer, byteLength: pages[layer] }));
  if (memory) parts.push({ buffer: memory.buffer, byteLength: memory.buffer.size });
  const layers: Uint8Array[] = [];
  // A plan has room for a row of logits on its way to the CPU, which are none between steps.
  const read = (part: ByteRange) => readInPieces(device, ledger, 'sequence.save', { ...part, least: 4 * vocab });
  for (const part of parts) layers.push(tokens.length ? await read(part) : new Uint8Array());
  return packParts({ of: snapshotOf(home, model), tokens, layers });
}

export const restore = (home: SequenceHome, sequence: Sequence, bytes: Uint8Array, model: string): Promise<void> =>
  restoreParts(home, sequence, splitParts(bytes), model);

/** Throws what `restoreParts` would throw of parts that are of something else. */
export function checkParts(home: SequenceHome, parts: readonly Uint8Array[], model: string): void {
  refuseShaped(home);
  unpackParts(parts, snapshotOf(home, model));
}

export async function restoreParts(home: SequenceHome, sequence: Sequence, parts: readonly Uint8Array[], model: string): Promise<void> {
  refuseShaped(home);
  const { tokens, layers } = unpackParts(parts, snapshotOf(home, model));
  const wanted = tokens.length ? [...pagesOf(home, tokens.length), ...(sequence.memory ? [sequence.memory.stateBytes] : [])] : pagesOf(home, 0);
  if (wanted.some((size, i) => layers.at(i)?.byteLength !== size))
    throw new RequestError('The saved sequence has other parts than this model keeps: it is damaged. Run the conversation again from its text.');
  sequence.truncate(0);
  await sequence.makeRoom(Math.max(1, tokens.length));
  const caches = layersOf(home, sequence);
  caches.forEach((buffer, layer) => home.device.queue.writeBuffer(buffer, 0, layers[layer].slice()));
  if (tokens.length) sequence.memory?.write(layers[caches.length].slice(), tokens.length);
  writeTokens(home, sequence, tokens);
}
