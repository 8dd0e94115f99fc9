// The list of models as the page shows it, and the words for what a search finds.
import { readFileSync } from 'node:fs';
import { expect, it, test } from 'vitest';
import { type ModelPlan } from '../../protocol.ts';
import { byRoom, isRoomy, readCatalogue } from './catalogue.ts';
import { fileWords, resultWords } from './hub-words.ts';
import { defaultModel } from './model-choice.ts';

const shipped = () => readCatalogue(JSON.parse(readFileSync('public/catalogue.json', 'utf8')), 'https://page.example/');

test('the catalogue that ships begins with the default model, hash and all, and has each size that people use, mixtures among them', () => {
  const { models, search } = shipped();
  expect(models[0]).toMatchObject(defaultModel('https://page.example/'));
  expect(models.every(({ licence, about }) => licence && about)).toBe(true);
  expect(search).toBe(true);
  const size = ({ bytes, roughBytes = bytes! }: (typeof models)[number]) => roughBytes / 1e9;
  for (const [least, most] of [[0.2, 0.5], [0.8, 1.5], [1.8, 3], [3.5, 5.5], [7, 10], [15, 20]])
    expect(models.some((model) => size(model) >= least && size(model) <= most), `${least} to ${most} GB`).toBe(true);
  expect(models.filter(({ about }) => /mixture/.test(about!)).length).toBeGreaterThan(1);
});

test.each(['null', '{}', '{"models":[]}', '{"models":[{"name":"a"}]}', '{"models":[{"name":"a","model":"javascript:alert(1)"}]}'])(
  'the catalogue %s is refused',
  (text) => expect(() => readCatalogue(JSON.parse(text), 'https://page.example/')).toThrow(TypeError),
);

test('a site may switch off the search, and models on servers', () => {
  const models = [{ name: 'a', model: 'a/b' }];
  const read = (more: object) => readCatalogue({ models, ...more }, 'https://page.example/');
  expect(read({})).toMatchObject({ search: true, servers: true });
  expect(read({ search: false })).toMatchObject({ search: false, servers: true });
  expect(read({ servers: false })).toMatchObject({ search: true, servers: false });
});

it('shows behind the first model those that this device holds, the best first, then those that are streamed, the smallest first', () => {
  const sizes = (memory?: number) => byRoom(shipped().models, memory).map(({ bytes, roughBytes = bytes! }) => Math.round(roughBytes / 1e8) / 10);
  expect(sizes(8)).toEqual([0.1, 2.5, 1.9, 1.1, 0.5, 0.3, 4.2, 5, 9, 12.1, 18.6]);
  expect(sizes(2)).toEqual([0.1, 0.5, 0.3, 1.1, 1.9, 2.5, 4.2, 5, 9, 12.1, 18.6]);
  expect(sizes()).toEqual(shipped().models.map(({ bytes, roughBytes = bytes! }) => Math.round(roughBytes / 1e8) / 10)); // nothing is known: as listed
  expect(isRoomy({ name: 'a', source: { repo: 'a/b' } }, 4)).toBeUndefined();
});

const plan = (verdict: ModelPlan['verdict'], keptBytes: number, totalBytes: number): ModelPlan =>
  ({ verdict, keptBytes, totalBytes, budgetBytes: 1000, fileBytes: 500, reason: 'no room for keys' }) as ModelPlan;
const file = (bytes: number, usual?: true) => ({ name: 'Q', source: { repo: 'a/b' }, bytes, usual });

it('says of each size whether it fits, exactly where there is a plan of it', () => {
  expect(fileWords(file(500, true), plan('fits', 500, 700))).toBe('fits');
  expect(fileWords(file(400), plan('fits', 500, 700))).toBe('about fits');
  expect(fileWords(file(800), plan('fits', 500, 700))).toBe('about fits');
  expect(fileWords(file(801), plan('fits', 500, 700))).toMatch(/^streams/);
  expect(fileWords(file(500, true), plan('streams', 300, 1000))).toMatch(/^streams/);
  expect(fileWords(file(300), plan('streams', 300, 1000))).toBe('about fits');
  expect(fileWords(file(301), plan('streams', 300, 1000))).toMatch(/^streams/);
  expect(fileWords(file(500, true), plan('refused', 0, 2000))).toBe('no room for keys');
  expect(fileWords(file(100), plan('refused', 0, 2000))).toBe('its own plan tells whether it fits');
});

it('says of a repository what its family is if windrow does not run it', () => {
  const known = { repo: 'a/b', supported: false, architecture: 'mamba9', parameters: 4_020_000_000, downloads: 123_456 };
  expect(resultWords({ ...known, gated: true, licence: 'mit' })).toBe(
    'not supported: mamba9 · 4B parameters · 120K downloads · mit · asks you to accept conditions first',
  );
});

test('docs/support.md says of each listed model whether it was tried', () => {
  const support = readFileSync('docs/support.md', 'utf8');
  for (const { source } of shipped().models.slice(1)) expect(support).toMatch(new RegExp(`\`${(source as { repo: string }).repo}\` \\|.*\\| untried \\|`));
});
