// What a file that is no GGUF is instead, as far as its name and its first bytes tell. Reads nothing.

/** Letters of the first bytes; what is no printable ASCII is written `\xNN`. */
const fronts: [RegExp, string][] = [
  [
    /^version https:\/\/git-lfs/,
    'It is a pointer of Git LFS, which stands for the file in a repository: fetch the file itself (git lfs pull, or the address of its download).',
  ],
  [/^\s*</, 'It looks like a web page: is the address the one of the file itself?'],
  [/^\s*[{[]\s*["{}\]]/, 'It looks like JSON, as the answer of a server or an index of files: is the address the one of the file itself?'],
  [/^(tjgg|lmgg|algg|fmgg)/, 'It is a model of the time before GGUF: get a newer file of it.'],
  [
    /^(\\x..|[ -~\n]){2,4}(\\x00){4,6}\{\s*"/,
    'It looks like safetensors: choose the file of the model in the GGUF format, or convert it (convert_hf_to_gguf.py of llama.cpp).',
  ],
  [/^PK/, 'It is a zip archive, or a checkpoint of PyTorch: choose the file of the model in the GGUF format.'],
  [/^(\\x1f\\x8b|BZh|\\xfd7zXZ|7z\\xbc\\xaf|\(\\xb5\/\\xfd|Rar!)/, 'It is compressed: unpack it first.'],
  [/^(\\x00)+$/, 'It begins with zeros: a download may have ended early. Fetch it anew.'],
];

/** As `split` and like programs name the pieces of a file: `m.gguf-split-a`, `m.gguf.part1of2`, `m.gguf.001`. */
const piece = /\.gguf[.-](split-?|part-?)?([a-z]{1,2}|\d{1,3})(-?of-?\d+)?$/i;

/** What to do with a file whose name is that of a piece; '' for others. */
export const joinPieces = (name: string): string =>
  piece.test(name) ? ' By its name it may be one piece of a file that was cut: join all pieces, in their order, first.' : '';

/** @returns a sentence on what it is, and what to do. `first`: 64 bytes or more, if there are. */
export function whatItIs(name: string, first: Uint8Array): string {
  const text = Array.from(first.subarray(0, 64), spell).join('');
  return fronts.find(([front]) => front.test(text))?.[1] ?? `Choose a model in the GGUF format.${joinPieces(name)}`;
}

const spell = (byte: number): string => (byte === 10 || (byte > 31 && byte < 127) ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`);
