// Every format that windrow reads, found by file: adding one is adding a file here and one in shaders/formats.
import { type Format } from './format.ts';

const files = import.meta.glob<{ format?: Format }>('./[A-Z]*.ts', { eager: true });

/** By ggml's name, as in `Q4_K`. */
export const formats: ReadonlyMap<string, Format> = new Map(
  Object.values(files).flatMap(({ format }) => (format ? [[format.name, format]] : [])),
);
