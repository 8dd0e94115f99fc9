// The built package for tests that run it as a program of its own: built anew where the sources are newer.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

function newest(path: string): number {
  const stat = statSync(path);
  return stat.isDirectory() ? Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name)))) : stat.mtimeMs;
}

/** Builds dist/node, which bin/windrow.mjs and `windrow/node` are. */
export function buildNode(): void {
  const built = join(root, 'dist/node/cli.js');
  const sources = ['src', 'shaders', 'vite.config.ts', 'package.json'].map((path) => newest(join(root, path)));
  if (existsSync(built) && statSync(built).mtimeMs >= Math.max(...sources)) return;
  execFileSync(process.execPath, ['node_modules/vite/bin/vite.js', 'build', '--mode', 'node', '--logLevel', 'error'], { cwd: root });
}
