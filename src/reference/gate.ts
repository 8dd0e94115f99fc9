// The activations of feed-forward layers, in f64.
import { type Activation } from '../model/ops/project.ts';

export type Gate = 'silu' | 'gelu' | 'relu';
/** Of experts. */
export type AnyGate = Gate | 'clamped';

/** The gate's activation times what it lets through; `clamped` is gpt-oss' (OpenAI, arXiv 2508.10925). */
export function gateWith(gate: number, up: number, kind: AnyGate): number {
  if (kind !== 'clamped') return activate(gate, kind) * up;
  const low = Math.min(gate, 7);
  return (low / (1 + Math.exp(-1.702 * low))) * (Math.min(7, Math.max(-7, up)) + 1);
}

/** SiLU, ReLU, or GELU by its tanh formula (Hendrycks and Gimpel, arXiv 1606.08415), as GGUF models use it. */
export function activate(x: number, gate: Gate): number {
  if (gate === 'silu') return x / (1 + Math.exp(-x));
  if (gate === 'relu') return Math.max(x, 0);
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

/** Squared ReLU or xIELU, of layers without a gate. */
export function activateAlone(x: number, activation: Activation): number {
  if (activation.kind === 'relu2') return Math.max(x, 0) ** 2;
  const { negative, positive, beta, most } = activation;
  return (x > 0 ? positive * x ** 2 : negative * (Math.expm1(Math.min(x, most)) - x)) + beta * x;
}

/** input (tokens, 2 * cols), each row its gate values and then its up values. Returns activate(gate) * up (tokens, cols). */
export function gated(input: Float32Array, cols: number, gate: AnyGate): Float32Array {
  const result = new Float32Array(input.length / 2);
  for (let i = 0; i < result.length; i++) {
    const start = Math.floor(i / cols) * 2 * cols + (i % cols);
    result[i] = gateWith(input[start], input[start + cols], gate);
  }
  return result;
}
