import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clean, MarkdownBlocks, toBlocks } from './blocks.ts';
import { timed } from '../../../test/timed.ts';

const html = (text: string): string => toBlocks(text).map((block) => block.html).join('');

test('a growing answer keeps its finished blocks and gives the same as when read at once', () => {
  const piece = fc.constantFrom(
    '# Title\n',
    '\n',
    'some words\n',
    '- item\n',
    '  more\n',
    '1. one\n',
    '```js\n',
    'let a = 1;\n',
    '```\n',
    '| a | b |\n',
    '|---|---|\n',
    '> said\n',
    '---\n',
    '**bold',
    '** `code` ',
    '\n\n',
    '    indented\n',
    '[x](y) ',
    '$$\n',
    '$$',
    '$x$',
    '\\[',
    '\\]',
    '\\(',
  );
  fc.assert(fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
    const growing = new MarkdownBlocks();
    let text = '';
    for (const part of pieces) growing.update((text += part));
    expect(growing.blocks.map(({ source }) => source).join('')).toBe(text);
    expect(growing.blocks.map((block) => block.html).join('')).toBe(html(text));
  }), { numRuns: 1000 });
});

test('only the last block is read again', () => {
  const growing = new MarkdownBlocks();
  const before = growing.update('First.\n\nSecond.\n\nThi');
  const after = growing.update('First.\n\nSecond.\n\nThird');
  expect(after.slice(0, 2).every((block, i) => block === before[i])).toBe(true);
  expect(after[2].html).toBe('<p>Third</p>\n');
});

test('a text that did not grow but changed is read anew', () => {
  const growing = new MarkdownBlocks();
  growing.update('One.\n\nTwo.');
  expect(growing.update('Other.').map(({ html }) => html)).toEqual(['<p>Other.</p>\n']);
});

test.each([
  ['<script>alert(1)</script>', '<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n'],
  ['<style>\n*{}\n</style>', '<p>&lt;style&gt;<br>*{}<br>&lt;/style&gt;</p>\n'],
  ['<!-- <img src=x onerror=alert(1)> -->', '<p>&lt;!-- &lt;img src=x onerror=alert(1)&gt; --&gt;</p>\n'],
  ['a <img src=x onerror=alert(1)> b', '<p>a &lt;img src=x onerror=alert(1)&gt; b</p>\n'],
  ['[a](javascript:alert(1))', '<p>a</p>\n'],
  ['[a](data:text/html,x)', '<p>a</p>\n'],
  ['[a](JaVaScRiPt:alert(1))', '<p>a</p>\n'],
  ['![a](vbscript:x)', '<p>a</p>\n'],
  ['```"><b>\nx\n```', '<pre><code>x</code></pre>'],
  [
    '[a](https://example.org/"onclick="x)',
    '<p><a href="https://example.org/&quot;onclick=&quot;x" target="_blank" rel="noopener noreferrer nofollow">a</a></p>\n',
  ],
])('hostile %s becomes text', (text, expected) => expect(html(text)).toBe(expected));

test('an image is a link, so that nothing is fetched', () => {
  expect(html('![cat](https://example.org/c.png)')).not.toContain('<img');
  expect(html('![cat](https://example.org/c.png)')).toContain('>cat</a>');
});

test('lines end where the model ended them', () => expect(html('one\ntwo')).toBe('<p>one<br>two</p>\n'));

test('control characters and direction overrides are left out', () =>
  expect(clean('a\u0000b\u001b[31mc\u202ed\ne\tf\r\ng')).toBe('ab[31mcd\ne\tf\ng'));

test.each([
  ['one line', 'x'.repeat(100_000)],
  ['open brackets', '['.repeat(100_000)],
  ['stars in lines', `${'*a '.repeat(1000)}\n`.repeat(30)],
  ['brackets in lines', `${'['.repeat(3900)}\n`.repeat(25)],
  ['quotes in quotes', '>'.repeat(3900)],
  ['lists in lists', '- '.repeat(1900)],
  ['backticks', `${'`a``b'.repeat(700)}\n`.repeat(25)],
  ['a huge table', `|a|b|\n|-|-|\n${'|1|2|\n'.repeat(20_000)}`],
  ['indents', Array.from({ length: 400 }, (_, i) => `${' '.repeat(2 * i)}- x\n`).join('')],
])('100,000 characters of %s take no long time', (what, text) => {
  const blocks = timed(`Markdown of 100,000 characters of ${what}`, 5, () => toBlocks(text));
  expect(blocks.map(({ source }) => source).join('')).toBe(text);
});

interface Case {
  text: string;
  has: string[];
  lacks: string[];
}
const cases = (JSON.parse(readFileSync('test/fixtures/markdown.json', 'utf8')) as { cases: Case[] }).cases;

test.each(cases)('what models write is read as they mean it: $text', ({ text, has, lacks }) => {
  for (const part of has) expect(html(text)).toContain(part);
  for (const part of lacks) expect(html(text)).not.toContain(part);
});

test.each([
  ['한국어**"강조"**입니다', '<p>한국어<strong>&quot;강조&quot;</strong>입니다</p>\n'],
  ['これは***「とても」***大事', '<p>これは<em><strong>「とても」</strong></em>大事</p>\n'],
  ['请用`a**b`和**（注意）**的', '<p>请用<code>a**b</code>和<strong>（注意）</strong>的</p>\n'],
  ['5 * 3 * 2 个', '<p>5 * 3 * 2 个</p>\n'],
  ['a ~ b ~ c', '<p>a ~ b ~ c</p>\n'],
  ['<b>bold</b> and **bold**', '<p>&lt;b&gt;bold&lt;/b&gt; and <strong>bold</strong></p>\n'],
  ['<details>\n\n- one\n\n</details>', '<p>&lt;details&gt;</p>\n<ul>\n<li>one</li>\n</ul>\n<p>&lt;/details&gt;</p>\n'],
])('%s is read in their dialect', (text, expected) => expect(html(text)).toBe(expected));
