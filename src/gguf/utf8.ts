// UTF-8 that loses nothing: a byte that is part of no character becomes a lone surrogate, U+DC80 to U+DCFF, and that byte
// again. Tokens of a vocabulary may be pieces of a character. The same as Python's "surrogateescape".

// A byte order mark is a token too, not to be dropped.
const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });
const encoder = new TextEncoder();
const escapeBase = 0xdc00;

export function fromUtf8(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return escaped(bytes);
  }
}

function escaped(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at];
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    try {
      text += strict.decode(bytes.subarray(at, at + length));
      at += length;
    } catch {
      text += String.fromCharCode(escapeBase + bytes[at++]);
    }
  }
  return text;
}

/** The bytes of which `fromUtf8` made `text`. */
export function toUtf8(text: string): Uint8Array {
  if (!/\p{Cs}/u.test(text)) return encoder.encode(text);
  return Uint8Array.from([...text].flatMap((character) => {
    const byte = character.charCodeAt(0) - escapeBase;
    return character.length === 1 && byte >= 0x80 && byte <= 0xff ? [byte] : [...encoder.encode(character)];
  }));
}
