import { expect, test } from 'vitest';
import { joinPieces, whatItIs } from './lookalikes.ts';

const of = (name: string, text: string): string => whatItIs(name, Uint8Array.from(text, (letter) => letter.charCodeAt(0)));

test.each([
  ['version https://git-lfs.github.com/spec/v1\noid', /pointer of Git LFS.*fetch the file itself/],
  ['<!DOCTYPE html>', /web page/],
  ['\n <?xml version', /web page/],
  ['{"error":"Not Found"}', /JSON/],
  ['[\n {"type":"file"}]', /JSON/],
  ['tjgg\u0001\0\0\0', /before GGUF/],
  ['\u00a8\u0001\0\0\0\0\0\0{"__metadata__":{"format":"pt"}}', /safetensors.*convert_hf_to_gguf/],
  ['xy\0\0\0\0\0\0{ "a":{"dtype"', /safetensors/],
  ['PK\u0003\u0004', /zip archive, or a checkpoint/],
  ['\u001f\u008b\u0008', /compressed: unpack/],
  ['(\u00b5/\u00fd', /compressed/],
  ['\u00fd7zXZ\0', /compressed/],
  ['\0'.repeat(64), /zeros.*Fetch it anew/],
  ['GGU', /^Choose a model in the GGUF format\.$/],
  ['', /^Choose a model/],
])('%j', (text, words) => expect(of('m.gguf', text)).toMatch(words));

test.each(['m.gguf-split-b', 'm.gguf.part2of3', 'm.gguf.002', 'm.gguf.ab'])('%s is a piece', (name) => {
  expect(of(name, 'noise')).toContain('one piece of a file that was cut: join all pieces');
  expect(joinPieces(name)).toContain('join all pieces');
});

test.each(['m.gguf', 'm.gguf.backup', 'm-00001-of-00002.gguf', 'gguf'])('%s is none', (name) => expect(joinPieces(name)).toBe(''));
