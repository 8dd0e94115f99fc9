// Numbers as people read them. No elements.

/** Decimal units, as file managers and download pages show them: 98362432 -> `98 MB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let size = bytes;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${size < 9.95 && unit > 0 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

/** Seconds -> `8 s`, `3 min`, `2 h`. */
export function formatDuration(seconds: number): string {
  if (seconds < 59.5) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 3570) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

/** Digits after the point that multiples of a step have. */
const digitsFor = (step: number): number => [0, 1, 2, 3, 4, 5].find((digits) => Number.isInteger(Number((step * 10 ** digits).toPrecision(6)))) ?? 6;

/** Tokens per second, with one digit after the point where it matters; on an axis with as many as its `step` has. */
export const formatSpeed = (tokensPerSecond: number, step = tokensPerSecond < 10 ? 0.1 : 1): string =>
  `${tokensPerSecond.toFixed(digitsFor(step))} tokens/s`;

/** Seconds, the same way. */
export const formatSeconds = (seconds: number, step = seconds < 10 ? 0.1 : 1): string => `${seconds.toFixed(digitsFor(step))} s`;

/** A share as a percentage; `step` is one of shares. */
export const formatShare = (share: number, step = 0.01): string => `${(100 * share).toFixed(digitsFor(100 * step))} %`;

/** How long ago, in words: `just now`, `5 min ago`, `3 days ago`. */
export function formatSince(then: number, now: number): string {
  const minutes = Math.max(0, (now - then) / 60_000);
  if (minutes < 2) return 'just now';
  if (minutes < 60) return `${Math.round(minutes)} min ago`;
  if (minutes < 36 * 60) return `${Math.round(minutes / 60)} h ago`;
  return `${Math.round(minutes / 1440)} days ago`;
}
