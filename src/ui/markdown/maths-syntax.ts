// Finds TeX in Markdown: $…$ and \(…\) in a line; $$…$$ and \[…\] on display, in a paragraph or as one. Gives it as code
// that says what it is; maths.ts typesets it later. Money ("$5 and $6") is no maths.
import { type TokenizerAndRendererExtension, type Tokens } from 'marked';
import { escapeHtml } from './escape.ts';

/** Longer runs of text between two dollars are hardly a formula. */
const longest = 2000;

/** As Pandoc has it: no space inside the dollars, no digit after; and words are a sentence between two prices. */
export function inlineMaths(text: string): { raw: string; tex: string } | undefined {
  const begin = /^(?:\\[([]|\$\$(?!\$)|\$(?=[^\s$]))/.exec(text)?.[0];
  if (!begin) return undefined;
  const mark = { '\\(': '\\)', '\\[': '\\]' }[begin] ?? begin;
  const start = begin.length;
  const end = text.slice(0, longest).indexOf(mark, start);
  if (end < 0) return undefined;
  const tex = text.slice(start, end);
  const raw = text.slice(0, end + mark.length);
  if (tex.trim() === '' || tex.includes('\n\n')) return undefined;
  if (mark === '$' && (/\s$/.test(tex) || /[`\n]/.test(tex) || /^[\d$]/.test(text.slice(raw.length)) || isProse(tex))) return undefined;
  return { raw, tex };
}

/** "5 for one or 6", "HOME/bin:": words without anything that only TeX has. */
const isProse = (tex: string): boolean => !/[\\^_={}]/.test(tex) && /[A-Za-z]{3}|\d\s+[A-Za-z]{2}/.test(tex);

/** What begins a block of maths; it then reaches to its end, or to the next empty line. */
const blockStart = /^ {0,3}(\$\$|\\\[)/;

interface Maths extends Tokens.Generic {
  tex: string;
  /** Undefined while the end has not come yet. */
  display?: boolean;
}

const block: TokenizerAndRendererExtension = {
  name: 'maths-block',
  level: 'block',
  tokenizer(text): Maths | undefined {
    const begin = blockStart.exec(text);
    if (!begin) return undefined;
    const mark = begin[1] === '$$' ? '$$' : '\\]';
    const paragraph = (from: string): string => from.slice(0, /\n[ \t]*(?=\n)/.exec(from)?.index);
    const end = paragraph(text.slice(0, 2 * longest)).indexOf(mark, begin[0].length); // further off there is none, or many would be searched to the end
    if (end < 0) return { type: 'maths-block', raw: paragraph(text), tex: '' };
    const raw = text.slice(0, end + mark.length);
    return { type: 'maths-block', raw: raw + /^[ \t]*\n?/.exec(text.slice(raw.length))![0], tex: text.slice(begin[0].length, end), display: true };
  },
  renderer: (token) => ((token as Maths).display ? `<p>${html(token as Maths)}</p>` : `<p class="plain">${escapeHtml(token.raw)}</p>`),
};

const inline: TokenizerAndRendererExtension = {
  name: 'maths',
  level: 'inline',
  start: (text) => /(?<![\w$\\])\$|\\[([]/.exec(text)?.index,
  tokenizer(text): Maths | undefined {
    const found = inlineMaths(text);
    return found && { type: 'maths', ...found, display: /^(?:\$\$|\\\[)/.test(found.raw) };
  },
  renderer: (token) => html(token as Maths),
};

const html = ({ tex, display }: Maths): string => `<code class="tex${display ? ' display' : ''}">${escapeHtml(tex.trim())}</code>`;

export const mathsSyntax = [block, inline];
