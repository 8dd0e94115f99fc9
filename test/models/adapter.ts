// Adapters for tests: GGUFs of random matrices for tensors of a fixture, and what they make of its weights.
import { type GgufTensor, type TypedValue, writeGguf } from './gguf.ts';

export interface AdapterShape {
  architecture: string;
  rank: number;
  alpha: number;
  /** (rows, cols) of each tensor that it is added to. */
  tensors: Record<string, [rows: number, cols: number]>;
}

export interface TestAdapter {
  bytes: Uint8Array<ArrayBuffer>;
  /** The weights of a tensor with what is added to them, at `scale`; undefined where nothing is. */
  merged(tensor: string, weights: Float32Array, scale?: number): Float32Array | undefined;
}

const string = (value: string): TypedValue => ({ type: 'string', value });

export const kind = (architecture: string, alpha: number): Record<string, TypedValue> => ({
  'general.type': string('adapter'), 'general.architecture': string(architecture), 'adapter.type': string('lora'),
  'adapter.lora.alpha': { type: 'f32', value: alpha },
});

/** In f32, of numbers from -1/8 to 1/8. */
export function randomAdapter({ architecture, rank, alpha, tensors }: AdapterShape): TestAdapter {
  let seed = 1;
  const next = () => (Math.imul((seed = (Math.imul(seed, 1664525) + 1013904223) | 0), 2654435761) >> 8) / 2 ** 26;
  const made = Object.entries(tensors).flatMap(([tensor, [rows, cols]]) => [
    { name: `${tensor}.lora_a`, shape: [cols, rank], values: Float32Array.from({ length: cols * rank }, next) },
    { name: `${tensor}.lora_b`, shape: [rank, rows], values: Float32Array.from({ length: rows * rank }, next) },
  ]);
  let offset = 0;
  const table = made.map(({ name, shape, values }): GgufTensor => {
    const at = offset;
    offset += Math.ceil(values.byteLength / 32) * 32;
    return { name, shape, type: 0, offset: at };
  });
  const bytes = Uint8Array.from(writeGguf({ metadata: Object.entries(kind(architecture, alpha)), tensors: table, dataBytes: offset }));
  made.forEach(({ values }, i) => bytes.set(new Uint8Array(values.buffer), bytes.length - offset + Number(table[i].offset)));
  return {
    bytes,
    merged(tensor, weights, scale = 1) {
      const [a, b] = ['a', 'b'].map((letter) => made.find(({ name }) => name === `${tensor}.lora_${letter}`)?.values);
      if (!a || !b) return undefined;
      const cols = a.length / rank;
      const factor = (scale * alpha) / rank;
      return weights.map((weight, at) => {
        const [row, col] = [Math.floor(at / cols), at % cols];
        let sum = 0;
        for (let r = 0; r < rank; r++) sum += b[row * rank + r] * a[r * cols + col];
        return weight + factor * sum;
      });
    },
  };
}
