// What the guide to adding a family promises of the families' files.
import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const folder = new URL('./architectures/', import.meta.url);
const textOf = (name: string) => readFileSync(new URL(name, folder), 'utf8');

describe('the files of families', () => {
  it('are short: half of them have under 60 lines', () => {
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
    const lines = names.map((name) => textOf(name).split('\n').length - 1).sort((a, b) => a - b);
    expect(lines.length).toBeGreaterThan(30);
    expect(lines[lines.length >> 1]).toBeLessThan(60);
  });

  it('are shown in the guide as they are', () => {
    const guide = readFileSync(new URL('../../docs/families.md', import.meta.url), 'utf8');
    expect(guide).toContain(`\`\`\`ts\n${textOf('dense/qwen2.ts')}\`\`\``);
  });
});
