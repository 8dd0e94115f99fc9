// windrow tokenize: token ids of texts. Needs no GPU; files with a vocabulary alone work.
import { RequestError } from '../errors.ts';
import { openWithParts } from '../gguf/files.ts';
import { createTokenizer } from '../text/tokenizer/tokenizer.ts';
import { openFileSource } from '../weights/source/file-source.ts';
import { type Result } from './result.ts';
import { readJson } from './options.ts';

interface Flags {
  text?: string;
  texts?: string;
  bos: boolean;
  special?: boolean;
}

export async function tokenize(path: string, { text, texts, bos, special }: Flags): Promise<Result> {
  if ((text === undefined) === (texts === undefined)) throw new RequestError('Give one of --text and --texts.');
  const list: unknown = texts !== undefined ? await readJson(texts, '--texts') : [text];
  if (!Array.isArray(list) || !list.every((item) => typeof item === 'string')) throw new RequestError('--texts has to hold a JSON array of strings.');
  const source = await openFileSource(path);
  const tokenizer = createTokenizer((await openWithParts(source)).header.metadata);
  await source.close();
  const all = list.map((item: string) => tokenizer.encode(item, { addSpecial: bos, parseSpecial: special ?? false }));
  return { json: texts !== undefined ? all : { tokens: all[0] }, text: all.map((ids) => ids.join(',')).join('\n') };
}
