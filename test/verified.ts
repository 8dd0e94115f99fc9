// Notes a measured value for docs/verified.json. `npm run test:full` names the file; other runs note nothing.
import { appendFileSync } from 'node:fs';

export interface Verified {
  /** The point of "What it must show", shortly. */
  point: string;
  /** The command that measures it again. */
  command: string;
  value: number | string | boolean | Record<string, number | string>;
  /** Default: the adapter of this run. */
  adapter?: string;
}

export function record({ point, command, value, adapter = process.env.WINDROW_ADAPTER ?? 'none' }: Verified): void {
  const path = process.env.WINDROW_VERIFIED;
  if (path) appendFileSync(path, `${JSON.stringify({ point, command, adapter, value })}\n`);
}

/** True in `npm run test:full`: tests then run their long form. */
export const isFull: boolean = process.env.WINDROW_FULL === '1';
