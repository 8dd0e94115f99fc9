// Every format that windrow reads, found by file: adding one is adding a file here and one in shaders/formats, or for one that most
// models do without, in the folders `rare` of both. Those are loaded when a model names them, so that no other page waits for them.
import { type Format } from './format.ts';

const common = import.meta.glob<{ format?: Format }>('./[A-Z]*.ts', { eager: true });
const rare = import.meta.glob<{ format: Format }>('./rare/*.ts');

const known = new Map(Object.values(common).flatMap(({ format }) => (format ? [[format.name, format]] : [])));

/** By ggml's name, as in `Q4_K`: those that are loaded. */
export const formats: ReadonlyMap<string, Format> = known;

/** The names of all formats, loaded or not. */
export const typeNames: readonly string[] = [...known.keys(), ...Object.keys(rare).map((path) => path.slice('./rare/'.length, -'.ts'.length))];

/** Has `formats` hold those of `types` that there are; reading a header does it for the types of its tensors. Unknown names change nothing. */
export async function loadFormats(types: Iterable<string>): Promise<void> {
  const missing = [...new Set(types)].filter((type) => !known.has(type) && typeNames.includes(type));
  const loaded = await Promise.all(missing.map((type) => rare[`./rare/${type}.ts`]()));
  for (const { format } of loaded) known.set(format.name, format);
}
