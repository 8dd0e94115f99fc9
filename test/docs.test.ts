// The documents against the code: their links, and the shapes and error codes that the reference lists.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { defaultChoice, knownChoices, parseChoice } from '../src/engine/measure/tune/choice-text.ts';
import { errorCodes } from '../src/errors.ts';
import { type Gpu } from '../src/gpu/device.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const inFolder = (folder: string) => readdirSync(join(root, folder)).filter((name) => name.endsWith('.md')).map((name) => join(folder, name));

const documents = ['README.md', 'CHANGELOG.md', ...inFolder('docs'), ...inFolder('docs/decisions'), ...inFolder('docs/guides')];

it.each(documents)('every link of %s leads to a file', (document) => {
  const links = [...readFileSync(join(root, document), 'utf8').matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
    .map(([, link]) => link)
    .filter((link) => !/^https?:/.test(link));
  expect(links.filter((link) => !existsSync(join(root, dirname(document), link)))).toEqual([]);
});

it('docs/api.md lists all kernel choices with all of their values', () => {
  const gpu = { device: { limits: { maxComputeInvocationsPerWorkgroup: 256 } }, features: { subgroups: true, f16: true, packedDot: true } } as unknown as Gpu;
  const choice = defaultChoice(gpu);
  const refusal = (text: string): string => {
    try {
      return String(parseChoice(text, choice));
    } catch (error) {
      return (error as Error).message;
    }
  };
  const listed = readFileSync(join(root, 'docs/api.md'), 'utf8').split('## Choice of kernels')[1].matchAll(/^\| `(\w+)` \| ([^|]+) \|/gm);
  const values = Object.fromEntries(
    [...listed].map(([, name, text]) => [
      name,
      text
        .replaceAll('`', '')
        .split(', ')
        .filter((value) => !value.startsWith('matrix-'))
        .join(', '),
    ]),
  );
  expect(values).toEqual(Object.fromEntries(Object.keys(knownChoices).map((name) => [name, /it can be (.*)\.$/.exec(refusal(`${name}=none`))?.[1]])));
});

it('docs/errors.md lists every code of an error with its class, what it means and what to do', () => {
  const catalogue = readFileSync(join(root, 'docs/errors.md'), 'utf8');
  const listed = [...catalogue.matchAll(/^\| `(\w+)` \| `(\w+)` \| [^|]+ \| [^|]+ \|$/gm)].map(([, code, name]) => [code, name]);
  expect(listed).toEqual(Object.entries(errorCodes).flatMap(([name, codes]) => codes.map((code) => [code, name])));
});
