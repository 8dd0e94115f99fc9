// A sequence saved as bytes, and gone on from.
import { RequestError } from '../errors.ts';
import { readBytes } from '../gpu/read-bytes.ts';
import { layersOf, pagesOf, writeTokens } from './pages.ts';
import { type Sequence, type SequenceHome } from './sequence.ts';
import { type SnapshotOf, packSnapshot, pageVersion, unpackSnapshot } from './snapshot.ts';

const snapshotOf = ({ format, angles }: SequenceHome, model: string): SnapshotOf => ({ model, format: format.name, pages: pageVersion, angles });

export async function save(home: SequenceHome, sequence: Sequence, model: string): Promise<Uint8Array<ArrayBuffer>> {
  const { device, ledger } = home;
  const memory = sequence.memory?.source(sequence.tokens.length);
  const tokens = sequence.tokens.slice(0, sequence.memory ? (memory?.length ?? 0) : undefined);
  const pages = pagesOf(home, tokens.length);
  const parts = layersOf(home, sequence).map((buffer, layer) => ({ buffer, byteLength: pages[layer] }));
  if (memory) parts.push({ buffer: memory.buffer, byteLength: memory.buffer.size });
  const layers: Uint8Array[] = [];
  for (const part of parts) layers.push(new Uint8Array(tokens.length ? await readBytes(device, ledger, 'sequence.save', part) : []));
  return packSnapshot({ of: snapshotOf(home, model), tokens, layers });
}

export async function restore(home: SequenceHome, sequence: Sequence, bytes: Uint8Array, model: string): Promise<void> {
  const { tokens, layers } = unpackSnapshot(bytes, snapshotOf(home, model));
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
