// @ts-check
// Writes the table of docs/performance.md that says what the compilers of GPUs make of an 8B model's kernels:
//   node scripts/gpu-compilers/table.mjs
// For every GPU whose driver is here (build.sh).
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createServer } from 'vite';
import { compileFor, ensureLayer } from './compile.mjs';
import { described, gpus, lacking } from './gpus.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = `${root}docs/performance.md`;
const [begin, end] = ['<!-- compilers -->', '<!-- /compilers -->'];

/** @param {import('./compile.mjs').Answer} answer */
function cell(answer) {
  if (answer.error !== undefined) return `fails: ${answer.error.split('\n')[0].slice(0, 40)}`;
  const { registers, memory, spills, waves, instructions } = answer.use;
  const instead = [memory && `**${memory} B**`, spills && `${spills} spills`].filter(Boolean).join(', ');
  return `${registers}${waves ? `, ${waves}` : ''}; ${instructions}${instead && `; ${instead}`}`;
}

ensureLayer();
const server = await createServer({ root, logLevel: 'error', server: { middlewareMode: true, hmr: false }, appType: 'custom' });
try {
  const { typicalKernels } = await server.ssrLoadModule('/test/typical-kernels.ts');
  const { kernelSource } = await server.ssrLoadModule('/src/gpu/kernels.ts');
  const { usualParts, usualRegisters } = await server.ssrLoadModule('/src/engine/measure/tune/choice-text.ts');
  const names = Object.keys(gpus).filter((name) => !lacking(name));
  const [, table = ''] = readFileSync(page, 'utf8').split(begin);
  const lost = Object.keys(gpus).filter((name) => lacking(name) && table.split(end)[0].includes(`${name} (`));
  if (lost.length) throw new Error(`The table has ${lost.join(', ')}, whose driver is not here, and would lose them: ${lacking(lost[0])}.`);
  /** @type {Map<string, string[]>} */
  const rows = new Map();
  for (const name of names) {
    const kernels = Object.entries(await typicalKernels({ ...usualParts(described(name)), registers: usualRegisters(described(name)) }));
    const answers = await compileFor(kernels.map(([, spec]) => ({ code: kernelSource(spec), constants: spec.constants })), name);
    kernels.forEach(([title], i) => rows.set(title, [...(rows.get(title) ?? []), cell(answers[i])]));
  }
  const lines = [
    `| kernel | ${names.map((name) => `${name} (${gpus[name].title})`).join(' | ')} |`,
    `|---|${names.map(() => '---|').join('')}`,
    ...[...rows].map(([title, cells]) => `| ${title} | ${cells.join(' | ')} |`),
  ];
  const text = readFileSync(page, 'utf8');
  const [before, rest] = text.split(begin);
  writeFileSync(page, `${before}${begin}\n\n${lines.join('\n')}\n\n${end}${rest.split(end)[1]}`);
  console.log(lines.join('\n'));
} finally {
  await server.close();
}
