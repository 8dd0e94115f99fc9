import { type DryOptions } from '../../protocol.ts';

/** Texts that end repetitions, in tokens: one of `heads`, and then `tail`. */
export interface Breaker {
  tail: readonly number[];
  heads: readonly number[];
}

/** `logits` (vocab) after llama.cpp's DRY for the `tokens` so far, in f32. `breakers`: all texts that end repetitions. */
export function dry(
  logits: Float32Array,
  tokens: readonly number[],
  { multiplier, base = 1.75, allowedLength = 2, last = -1 }: DryOptions,
  breakers: readonly Breaker[],
): Float32Array<ArrayBuffer> {
  const result = Float32Array.from(logits);
  const seen = last < 0 ? tokens : tokens.slice(Math.max(0, tokens.length - last));
  const limit = sinceBreaker(seen, breakers);
  const longest = new Map<number, number>();
  for (let end = 0; end < seen.length - 1; end++) {
    let length = 0;
    while (length < limit && end - length >= 0 && seen[end - length] === seen[seen.length - 1 - length]) length++;
    if (length >= allowedLength) longest.set(seen[end + 1], Math.max(length, longest.get(seen[end + 1]) ?? 0));
  }
  for (const [token, length] of longest) {
    result[token] -= Math.fround(Math.fround(multiplier) * Math.fround(Math.fround(base) ** (length - allowedLength)));
  }
  return result;
}

/** Tokens behind the text that ends repetitions whose first token is the latest; of several that begin there, the longest. */
function sinceBreaker(seen: readonly number[], breakers: readonly Breaker[]): number {
  for (let at = seen.length - 1; at >= 0; at--) {
    const found = breakers.filter(({ tail, heads }) => heads.includes(seen[at]) && tail.every((token, i) => seen[at + 1 + i] === token));
    if (found.length) return seen.length - 1 - at - Math.max(...found.map(({ tail }) => tail.length));
  }
  return seen.length;
}
