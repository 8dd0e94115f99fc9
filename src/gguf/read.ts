// The header of a GGUF as the rest of the engine takes it: once it is there, what reads the types of its weights is loaded too.
import { loadFormats } from '../formats/catalogue.ts';
import { type Header, typesIn } from './header.ts';
import { parseHeader } from './parse.ts';
import { type ByteSource } from './source.ts';

/** As `parseHeader`, with its errors; a type that only some models have is a chunk of its own. */
export async function readHeader(source: ByteSource, options: { signal?: AbortSignal } = {}): Promise<Header> {
  const header = await parseHeader(source, options);
  await loadFormats(typesIn(header));
  return header;
}
