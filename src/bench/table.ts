// Tables and numbers of benchmarks as plain text.

/** Lines of right-aligned columns; the first `left` columns are aligned to the left. */
export function table(head: string[], rows: string[][], left = 0): string[] {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  return [head, ...rows].map((row) => row.map((cell, i) => (i < left ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ').trimEnd());
}

export const giga = (value: number): string => (value / 1e9).toFixed(2);
export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
/** Of what the device can do at most: more is marked, as it cannot be. */
export const ofPeak = (share: number): string => (share > 1 ? `${percent(share)}!` : percent(share));
export const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
