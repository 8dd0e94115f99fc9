// Adapters of an opened model: found where the caller says, made a part of its graph and layout, and read from their own files beside the
// model's weights. A chunk of its own: most models are loaded without one.
import { type ByteSource } from '../../gguf/source.ts';
import { type Header } from '../../gguf/header.ts';
import { adapt } from '../../model/adapters.ts';
import { sectionsOf, specsOf } from '../../model/sections.ts';
import { type AdapterOptions } from '../../protocol.ts';
import { remembered } from '../../remembered.ts';
import { layoutOf } from '../../weights/layout.ts';
import { bytesSource } from '../../weights/source/source.ts';
import { type WeightsReader, readerToCome, sourceReader } from '../../weights/store/reader.ts';
import { sha256 } from '../../weights/store/store.ts';
import { findModel } from './found.ts';
import { type OpenedModel } from './opened.ts';

export interface OpenedAdapter {
  /** Of its file. */
  readonly name: string;
  readonly scale: number;
  /** Its tensors by their names among the model's. */
  readonly header: Header;
  /** All of its bytes, which are read when they are first asked for and kept: they may be needed again. */
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  /** Their SHA-256, reckoned once. */
  hash(): Promise<string>;
}

/** The model with adapters, which are read from their headers. `hub`: where names on a hub are looked up. */
export async function openAdapters(opened: OpenedModel, given: readonly AdapterOptions[], hub?: string): Promise<OpenedModel> {
  const found = await Promise.all(given.map(async ({ source }) => (await findModel(source, { keep: false, hub }, undefined)).files));
  const named = found.map(({ header, source }, i) => ({ name: source.name, header, scale: given[i].scale ?? 1 }));
  const { graph, header, own } = adapt(opened.graph, opened.header, named);
  const sections = sectionsOf(graph);
  const adapters = named.map(({ name, scale }, i): OpenedAdapter => ({ name, scale, header: own[i], ...wholeOf(found[i].source, own[i]) }));
  return { ...opened, header, graph, sections, layout: layoutOf(header, specsOf(sections)), adapters };
}

function wholeOf(source: ByteSource, { fileBytes }: Header): Pick<OpenedAdapter, 'bytes' | 'hash'> {
  const known = new Map<ByteSource, Promise<Uint8Array<ArrayBuffer>>>();
  const hashes = new Map<ByteSource, Promise<string>>();
  const bytes = () => remembered(known, source, async () => new Uint8Array(await source.read(0, fileBytes)));
  return { bytes, hash: () => remembered(hashes, source, async () => sha256(await bytes())) };
}

/** What reads the model's weights, and those of its adapters from their own files. */
export function readerWithAdapters(reader: WeightsReader, { sections, layout, adapters = [] }: OpenedModel): WeightsReader {
  const readers = adapters.map(({ name, header, bytes }) => readerToCome(bytes().then((all) => sourceReader(bytesSource(all, name), header, layout))));
  const readerOf = (slab: number): WeightsReader => {
    const { role } = sections[layout.slabs[slab].section];
    return role.kind === 'adapter' ? readers[role.adapter] : reader;
  };
  return {
    ...reader,
    readSlab: (slab, ...rest) => readerOf(slab).readSlab(slab, ...rest),
    readRange: (slab, ...rest) => readerOf(slab).readRange(slab, ...rest),
  };
}

/** Tells a model with these adapters from all others: the model's id and what is added to it. */
export async function idWithAdapters(id: string, adapters: readonly OpenedAdapter[]): Promise<string> {
  const added = await Promise.all(adapters.map(async ({ scale, hash }) => `${scale}*${await hash()}`));
  return [id, ...added].join('+');
}
