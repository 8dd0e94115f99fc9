// GPT-2's way to write any byte as one printable character: the spelling of tokens in byte-level vocabularies.
import { toUtf8 } from '../../gguf/utf8.ts';

/** (byte) its character. Printable Latin-1 stands for itself, the other 68 bytes are U+0100 onwards. */
export const byteCharacters: readonly string[] = (() => {
  let other = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCharCode(printable ? byte : other++);
  });
})();

const characterBytes = new Map(byteCharacters.map((character, byte) => [character, byte]));

/** The bytes of a spelling; a character outside the alphabet stands for itself. */
export function spellingBytes(spelling: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of spelling) {
    const byte = characterBytes.get(character);
    if (byte === undefined) bytes.push(...toUtf8(character));
    else bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}
