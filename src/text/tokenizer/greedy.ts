// The World tokenizer of RWKV: at each place of a text's bytes the longest token that is there. Spellings have bytes escaped, as Python
// writes them. github.com/BlinkDL/RWKV-LM (rwkv_vocab_v20230424); ids are llama.cpp's, but that control tokens are no text here. A chunk of its own.
import { InvalidFileError } from '../../errors.ts';
import { type EncodeFragment } from './bpe.ts';
import { type Vocabulary } from './vocabulary.ts';

const utf8 = new TextEncoder();

/** The bytes that a spelling stands for: itself, but for \t, \n, \r, two hexadecimal digits after \x, and any other character after a backslash. */
export function unescapeBytes(spelling: string): Uint8Array {
  const bytes: number[] = [];
  for (const [part, hex, letter] of spelling.matchAll(/\\x([0-9a-fA-F]{2})|\\([^]?)|[^\\]+/g)) {
    if (hex !== undefined) bytes.push(parseInt(hex, 16));
    else bytes.push(...utf8.encode(letter === undefined ? part : (named[letter] ?? letter)));
  }
  return Uint8Array.from(bytes);
}

const named: Record<string, string | undefined> = { t: '\t', n: '\n', r: '\r' };

/** What follows some bytes: by the next one, and the token that they are. */
interface Node {
  next: Map<number, Node>;
  id?: number;
}

/** `isText`: of the tokens that a text may have. Throws InvalidFileError for a vocabulary that lacks a byte and has no unknown token. */
export function createGreedy({ spellings, unknown }: Vocabulary, isText: (id: number) => boolean): EncodeFragment {
  const root: Node = { next: new Map() };
  spellings.forEach((spelling, id) => {
    if (!isText(id)) return;
    let node = root;
    for (const byte of unescapeBytes(spelling)) {
      let next = node.next.get(byte);
      if (!next) node.next.set(byte, (next = { next: new Map() }));
      node = next;
    }
    if (node !== root) node.id = id;
  });
  const missing = Array.from({ length: 256 }, (_, byte) => byte).find((byte) => root.next.get(byte)?.id === undefined);
  if (missing !== undefined && unknown === undefined)
    throw new InvalidFileError(
      `The vocabulary has no token for the byte ${missing} and none for what is unknown; needed is a token for each byte. The file is damaged.`,
    );
  return (text, ids) => {
    const bytes = utf8.encode(text);
    for (let at = 0; at < bytes.length; ) {
      let [id, end] = [unknown!, at + 1];
      let node: Node | undefined = root;
      for (let to = at; node && to < bytes.length; ) {
        node = node.next.get(bytes[to++]);
        if (node?.id !== undefined) [id, end] = [node.id, to];
      }
      ids.push(id);
      at = end;
    }
  };
}
