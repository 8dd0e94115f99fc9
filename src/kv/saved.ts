// A sequence saved as bytes, and gone on from.
import { readBytes } from '../gpu/read-bytes.ts';
import { layersOf, pagesOf, writeTokens } from './pages.ts';
import { type Sequence, type SequenceHome } from './sequence.ts';
import { type SnapshotOf, packSnapshot, pageVersion, unpackSnapshot } from './snapshot.ts';

const snapshotOf = ({ format, angles }: SequenceHome, model: string): SnapshotOf => ({ model, format: format.name, pages: pageVersion, angles });

export async function save(home: SequenceHome, sequence: Sequence, model: string): Promise<Uint8Array<ArrayBuffer>> {
  const { device, ledger } = home;
  const byteLength = pagesOf(home, sequence.tokens.length);
  const layers: Uint8Array[] = [];
  for (const buffer of layersOf(home, sequence))
    layers.push(new Uint8Array(sequence.tokens.length ? await readBytes(device, ledger, 'sequence.save', { buffer, byteLength }) : []));
  return packSnapshot({ of: snapshotOf(home, model), tokens: [...sequence.tokens], layers });
}

export async function restore(home: SequenceHome, sequence: Sequence, bytes: Uint8Array, model: string): Promise<void> {
  const { tokens, layers } = unpackSnapshot(bytes, snapshotOf(home, model));
  sequence.truncate(0);
  await sequence.makeRoom(Math.max(1, tokens.length));
  layers.forEach((page, layer) => home.device.queue.writeBuffer(sequence.fresh(layer).buffer, 0, page.slice()));
  writeTokens(home, sequence, tokens);
}
