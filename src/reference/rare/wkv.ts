// The time mixing of RWKV-7 (arXiv 2503.14456) behind its products, token by token, in f64; and the small steps beside it.

export interface Mixing {
  /** (tokens, heads, headDim) each; decay and rate before their sigmoids. */
  receptance: Float32Array;
  key: Float32Array;
  value: Float32Array;
  decay: Float32Array;
  rate: Float32Array;
  gate: Float32Array;
  /** (heads, headDim) each. */
  keyScale: Float32Array;
  keyRate: Float32Array;
  bonus: Float32Array;
  weight: Float32Array;
  bias: Float32Array;
  heads: number;
  headDim: number;
  /** (heads, headDim, headDim), keys first, before the first token. Default: zeros. */
  before?: Float64Array;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const sum = (count: number, of: (i: number) => number): number => Array.from({ length: count }, (_, i) => of(i)).reduce((a, b) => a + b, 0);

/** Returns (tokens, heads, headDim), and the state after the last token. */
export function wkv(given: Mixing): { output: Float32Array; after: Float64Array } {
  const { key, heads, headDim, before } = given;
  const state = Float64Array.from(before ?? new Float64Array(heads * headDim * headDim));
  const output = new Float32Array(key.length);
  for (let start = 0; start < key.length; start += headDim) {
    const head = (start / headDim) % heads;
    output.set(step(given, start, state.subarray(head * headDim ** 2, (head + 1) * headDim ** 2)), start);
  }
  return { output, after: state };
}

/** One head of one token, whose numbers begin at `start`: changes `state` (keys, values) and returns what it gives. */
function step(given: Mixing, start: number, state: Float64Array): Float64Array {
  const { headDim: n, heads } = given;
  const of = (x: Float32Array) => (i: number) => x[start + i];
  const by = (x: Float32Array) => (i: number) => x[((start + i) % (heads * n))];
  const [r, k, v] = [of(given.receptance), of(given.key), of(given.value)];
  const scaled = (i: number) => k(i) * by(given.keyScale)(i);
  const length = Math.max(Math.sqrt(sum(n, (i) => scaled(i) ** 2)), 1e-12);
  const rate = (i: number) => sigmoid(of(given.rate)(i));
  const added = (i: number) => k(i) * (1 + (rate(i) - 1) * by(given.keyRate)(i));
  const known = Float64Array.from({ length: n }, (_, column) => sum(n, (i) => (state[i * n + column] * scaled(i)) / length));
  for (let i = 0; i < n; i++) {
    const decay = Math.exp(-0.606531 * sigmoid(of(given.decay)(i)));
    for (let column = 0; column < n; column++)
      state[i * n + column] = decay * state[i * n + column] - (known[column] * scaled(i) * rate(i)) / length + v(column) * added(i);
  }
  const answers = Float64Array.from({ length: n }, (_, column) => sum(n, (i) => state[i * n + column] * r(i)));
  const mean = sum(n, (i) => answers[i]) / n;
  const deviation = Math.sqrt(sum(n, (i) => (answers[i] - mean) ** 2) / n + 64e-5);
  const own = sum(n, (i) => added(i) * r(i) * by(given.bonus)(i));
  return answers.map((value, i) => (((value - mean) / deviation) * by(given.weight)(i) + by(given.bias)(i) + own * v(i)) * of(given.gate)(i));
}

/** x (tokens, width) mixed with the row before each, `before` (width) the first: zeros if not given. Returns (tokens, width). */
export function shift(x: Float32Array, weight: Float32Array, before?: Float32Array): Float32Array {
  const width = weight.length;
  return x.map((value, i) => value + ((i < width ? (before?.[i] ?? 0) : x[i - width]) - value) * weight[i % width]);
}

/** What `x` becomes where `share`, before its sigmoid, is taken of `first`. */
export const blend = (x: Float32Array, first: Float32Array, share: Float32Array): Float32Array =>
  x.map((value, i) => value + (first[i] - value) * sigmoid(share[i]));

export const squash = (x: Float32Array, by: 'tanh' | 'sigmoid'): Float32Array => x.map(by === 'tanh' ? Math.tanh : sigmoid);
