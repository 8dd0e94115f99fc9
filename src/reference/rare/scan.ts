// A state of a matrix per head that every token changes and asks, step by step, in f64.

export interface Scanned {
  kind: 'ssd' | 'delta';
  /** (tokens, keyHeads, keyDim) */
  queries: Float32Array;
  keys: Float32Array;
  /** (tokens, heads, valueDim) */
  values: Float32Array;
  /** (tokens, heads): before the softplus, after their bias; and before the sigmoid. */
  steps: Float32Array;
  betas?: Float32Array;
  /** (heads) */
  decay: Float32Array;
  skip?: Float32Array;
  heads: number;
  keyHeads: number;
  shared: 'runs' | 'turns';
  keyDim: number;
  valueDim: number;
  eps: number;
  /** (heads, keyDim, valueDim) before the first token. Default: zeros. */
  before?: Float64Array;
}

/** Returns (tokens, heads, valueDim), and the state after the last token. */
export function scan(given: Scanned): { output: Float32Array; after: Float64Array } {
  const { values, heads, keyHeads, shared, keyDim, valueDim, before } = given;
  const state = Float64Array.from(before ?? new Float64Array(heads * keyDim * valueDim));
  const output = new Float32Array(values.length);
  for (let t = 0; t < values.length / (heads * valueDim); t++) {
    for (let head = 0; head < heads; head++) {
      const keyHead = shared === 'turns' ? head % keyHeads : Math.floor(head / (heads / keyHeads));
      const of = (x: Float32Array) => x.subarray((t * keyHeads + keyHead) * keyDim, (t * keyHeads + keyHead + 1) * keyDim);
      const at = (t * heads + head) * valueDim;
      const own = state.subarray(head * keyDim * valueDim, (head + 1) * keyDim * valueDim);
      output.set(step(given, t * heads + head, head, own, of(given.queries), of(given.keys), values.subarray(at, at + valueDim)), at);
    }
  }
  return { output, after: state };
}

/** One head of one token: changes `state` (keyDim, valueDim) and returns what it answers. */
function step(given: Scanned, at: number, head: number, state: Float64Array, q: Float32Array, k: Float32Array, v: Float32Array): Float64Array {
  const { kind, steps, betas, decay, skip, eps } = given;
  const dt = Math.log1p(Math.exp(steps[at]));
  const keep = Math.exp(dt * decay[head]);
  const length = (x: Float32Array) => Math.sqrt(x.reduce((sum, value) => sum + value ** 2, 0) + eps);
  const unit = (x: Float32Array, scale: number) => Float64Array.from(x, (value) => (kind === 'delta' ? (value * scale) / length(x) : value));
  const [query, key] = [unit(q, q.length ** -0.5), unit(k, 1)];
  return Float64Array.from(v, (value, column) => {
    const cell = (i: number) => i * v.length + column;
    key.forEach((_, i) => (state[cell(i)] *= keep));
    const known = key.reduce((sum, each, i) => sum + each * state[cell(i)], 0);
    const added = kind === 'delta' ? (value - known) / (1 + Math.exp(-betas![at])) : dt * value;
    key.forEach((each, i) => (state[cell(i)] += each * added));
    return query.reduce((sum, each, i) => sum + each * state[cell(i)], 0) + (skip ? skip[head] * value : 0);
  });
}
