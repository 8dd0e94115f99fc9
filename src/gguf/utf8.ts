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
    const length = characterLength(bytes, at);
    if (length === 0) text += String.fromCharCode(escapeBase + bytes[at++]);
    else if (length === 1) text += String.fromCharCode(bytes[at++]);
    else text += strict.decode(bytes.subarray(at, (at += length)));
  }
  return text;
}

/** How many bytes the character at `at` has; 0 where none begins or ends there. Unicode's table 3-7 of well-formed UTF-8. */
function characterLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at];
  if (lead < 0x80) return 1;
  const length = lead < 0xc2 || lead > 0xf4 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  const second = bytes[at + 1];
  if (lead === 0xe0 && second < 0xa0) return 0; // would fit two bytes
  if (lead === 0xed && second > 0x9f) return 0; // a surrogate
  if (lead === 0xf0 && second < 0x90) return 0; // would fit three bytes
  if (lead === 0xf4 && second > 0x8f) return 0; // behind the last code point
  for (let i = at + 1; i < at + length; i++) if (!(bytes[i] >= 0x80 && bytes[i] <= 0xbf)) return 0;
  return length;
}

/** The bytes of which `fromUtf8` made `text`. */
export function toUtf8(text: string): Uint8Array {
  if (!/\p{Cs}/u.test(text)) return encoder.encode(text);
  return Uint8Array.from([...text].flatMap((character) => {
    const byte = character.charCodeAt(0) - escapeBase;
    return character.length === 1 && byte >= 0x80 && byte <= 0xff ? [byte] : [...encoder.encode(character)];
  }));
}
