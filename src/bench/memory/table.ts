// The table of policies and what they remember.
import { table } from '../table.ts';
import { type Row } from './row.ts';

/** A row by the policy and its settings, as they were asked for: `snapkv:share=0.5`. */
export type NamedRow = Row & { policy: string };

const head = ['policy', 'bytes', 'KL', 'same token', 'recall', 'tokens/s'];

/** Cells of the table, the head first. Bytes are a share of those of f16. */
export const cellsOf = (rows: readonly NamedRow[]): string[][] => [head, ...rows.map(({ policy, bytes, kl, sameToken, recall, tokensPerSecond }) => [
  policy, bytes.toFixed(3), kl.toFixed(4), sameToken.toFixed(2), recall.toFixed(2), tokensPerSecond.toFixed(1),
])];

/** As Markdown. */
export function markdownOf(rows: readonly NamedRow[]): string {
  const [first, ...others] = cellsOf(rows).map((cells) => `| ${cells.join(' | ')} |`);
  return [first, `|${'---|'.repeat(head.length)}`, ...others].join('\n');
}

/** The table, and how many of the policies that were asked for it lacks. */
export function textOf(rows: NamedRow[], asked: number, markdown = false): string {
  const whole = markdown ? markdownOf(rows) : table(head, cellsOf(rows).slice(1), 1).join('\n');
  const left = asked - rows.length;
  return left ? `${whole}\n\n${left} of ${asked} policies are left, as the time was over: the same command goes on.` : whole;
}
