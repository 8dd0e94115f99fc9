// A folder for the files of a test.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

const made: string[] = [];
afterAll(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** Makes an empty folder that goes when the tests of the file are done, whether they pass or not. `name`: of what it is for. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `windrow-${name}-`));
  made.push(folder);
  return folder;
}
