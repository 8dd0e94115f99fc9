// A mixture of hundreds of MiB that is nowhere: its header as scripts/fixtures/make-model.mjs writes it, its weights made when they are read.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeModel } from '../../scripts/fixtures/make-model.mjs';
import { type ByteSource } from '../../src/gguf/source.ts';
import { type TensorInfo } from '../../src/gguf/header.ts';
import { readHeader } from '../../src/gguf/read.ts';
import { sizedSource } from '../../src/weights/source/source.ts';

export interface MixtureSizes {
  layers: number;
  /** Of the residual stream and of an expert: one for both, so that all blocks have one scale. */
  dim: number;
  experts: number;
  used: number;
  skew: number;
  vocab: number;
}

/** Blocks of Q4_0 or Q8_0: a scale, and codes from a noise that repeats after some prime number of blocks. */
function pattern(blockBytes: number, scale: number, blocks: number): Uint8Array {
  const bytes = new Uint8Array(blockBytes * blocks);
  const view = new DataView(bytes.buffer);
  let noise = 12345;
  for (let i = 0; i < bytes.length; i++) {
    noise = (Math.imul(noise, 1664525) + 1013904223) >>> 0;
    bytes[i] = noise >>> 24;
  }
  for (let at = 0; at < bytes.length; at += blockBytes) view.setUint16(at, half(scale), true);
  return bytes;
}

/** Of a normal number, truncated. */
function half(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0];
  return ((bits >>> 13) & 0x3ff) | ((((bits >>> 23) & 0xff) - 112) << 10);
}

/** A number from -1 to 1 by where it is. */
const noiseAt = (offset: number): number => (Math.imul(offset + 1, 2654435761) >>> 0) / 2 ** 31 - 1;

function float({ name, shape: [cols] }: TensorInfo, offset: number, skew: number): number {
  if (name.includes('norm')) return 1 + 0.1 * noiseAt(offset);
  if (name.includes('exp_probs_b')) return (-skew / cols) * Math.log((1.0001 + noiseAt(offset)) / 2.0001); // as make-model.mjs has it
  return noiseAt(offset) * Math.sqrt(3 / cols);
}

export async function mixtureSource({ dim, skew, ...sizes }: MixtureSizes): Promise<ByteSource> {
  const folder = mkdtempSync(join(tmpdir(), 'windrow-mixture-'));
  const path = join(folder, 'header.gguf');
  await makeModel({ out: path, dim, ff: dim, heads: dim / 64, kvHeads: 2, headerOnly: true, untied: true, ...sizes });
  const written = new Uint8Array(readFileSync(path));
  rmSync(folder, { recursive: true });
  const withHeader = (offset: number, length: number): Uint8Array => {
    const out = new Uint8Array(length);
    if (offset < written.length) out.set(written.subarray(offset, offset + length));
    return out;
  };
  const header = await readHeader(sizedSource('header', 2 ** 40, async (...range) => withHeader(...range)));
  const tensors = [...header.tensors.values()].sort((a, b) => a.offset - b.offset);
  const codes: Record<string, Uint8Array> = { Q4_0: pattern(18, 1 / (4.6 * Math.sqrt(dim)), 60013), Q8_0: pattern(34, 1 / (74 * Math.sqrt(dim)), 10007) };

  /** Bytes of one tensor into `out`, which begins at byte `from` of the file. */
  function fill(tensor: TensorInfo, out: Uint8Array, from: number): void {
    const first = Math.max(tensor.offset, from);
    const end = Math.min(tensor.offset + tensor.byteLength, from + out.length);
    const repeated = codes[tensor.type];
    if (repeated) {
      const blockBytes = tensor.type === 'Q4_0' ? 18 : 34;
      const shift = blockBytes * ((tensors.indexOf(tensor) * 977) % 10007);
      for (let at = first; at < end; ) {
        const place = (at - tensor.offset + shift) % repeated.length;
        const length = Math.min(end - at, repeated.length - place);
        out.set(repeated.subarray(place, place + length), at - from);
        at += length;
      }
      return;
    }
    const word = new DataView(new ArrayBuffer(4));
    for (let at = first; at < end; at++) {
      const offset = at - tensor.offset;
      word.setFloat32(0, float(tensor, offset - (offset % 4) + 4 * tensors.indexOf(tensor), skew), true);
      out[at - from] = word.getUint8(offset % 4);
    }
  }

  const last = tensors[tensors.length - 1];
  return sizedSource('mixture.gguf', last.offset + last.byteLength, async (offset, length) => {
    const out = withHeader(offset, length);
    for (const tensor of tensors) if (tensor.offset < offset + length && tensor.offset + tensor.byteLength > offset) fill(tensor, out, offset);
    return out;
  });
}
