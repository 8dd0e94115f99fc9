import { expect, test } from 'vitest';
import { toBlocks } from './blocks.ts';
import { typeset } from './maths.ts';

const html = (text: string): string => toBlocks(text).map((block) => block.html).join('').trim();

test.each([
  ['The area is $\\pi r^2$.', '<p>The area is <code class="tex">\\pi r^2</code>.</p>'],
  ['So \\(a < b\\) holds', '<p>So <code class="tex">a &lt; b</code> holds</p>'],
  ['$$\nx = 1\n$$', '<p><code class="tex display">x = 1</code></p>'],
  ['\\[ \\sum_i i \\]', '<p><code class="tex display">\\sum_i i</code></p>'],
  ['Then\n$$a$$\nfollows', '<p>Then<br><code class="tex display">a</code><br>follows</p>'],
  ['So\n\\[\na\n\\]', '<p>So<br><code class="tex display">a</code></p>'],
  ['- one $x_1$', '<ul>\n<li>one <code class="tex">x_1</code></li>\n</ul>'],
])('maths is found in %j', (text, expected) => expect(html(text)).toBe(expected));

test.each([
  'It costs $5 and $6.',
  'From $20,000 to $30,000',
  'either $5 or 6$',
  'US$5, CA$6 and A$7',
  '$5-$10 a month',
  '$1.50/$2.00',
  'the $HOME and the $PATH',
  'a lone $ sign',
  '$$$ is dear',
  'up to $5 (or $6)',
  'first $5\n\nlater $6',
  '`$a$`',
  '\\$5 and 6\\$',
])('money and variables are none: %s', (text) => expect(html(text)).not.toContain('class="tex'));

test('TeX becomes MathML', () => {
  expect(typeset('\\frac{a}{b}', true)).toMatch(/^<math display="block".*<mfrac><mi>a<\/mi><mi>b<\/mi><\/mfrac><\/math>$/);
  expect(typeset('x^2', false)).not.toContain('display=');
});

const letters = 'abcdefghijklmnopqrstu';

test.each([
  ['a link', '\\href{javascript:alert(1)}{x}'],
  ['a picture', '\\includegraphics{https://evil.example/a.png}'],
  ['a macro that grows for ever', '\\def\\a{\\a\\a}\\a'],
  [
    'a macro that doubles',
    `${Array.from({ length: 20 }, (_, i) => `\\def\\${letters[i + 1]}{\\${letters[i]}\\${letters[i]}}`).join('')}\\u`,
  ],
  ['braces without end', '{'.repeat(1900)],
  ['an unknown command', '\\evil'],
])('%s is left as it was written', (_, tex) => expect(typeset(tex, true)).toBeUndefined());

test('hostile TeX gives no markup, no styles and no huge boxes', () => {
  const given = ['\\text{<script>alert(1)</script>}', '\\color{red}{x}', '\\rule{9999em}{9999em}', '\\boxed{x}', '\\text{"onclick="alert(1)}']
    .map((tex) => typeset(tex, true))
    .join('');
  expect(given).not.toMatch(/<script| style=|9999| onclick=/);
});

test.each([
  ['dollars', '$a'.repeat(50_000)],
  ['pairs of dollars', '$$\n'.repeat(33_000)],
  ['brackets', '\\('.repeat(50_000)],
  ['block brackets', '\\[\n'.repeat(33_000)],
])('100,000 characters of %s keep their text', (_, text) =>
  expect(
    toBlocks(text)
      .map(({ source }) => source)
      .join(''),
  ).toBe(text),
);
