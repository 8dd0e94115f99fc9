// Cuts Markdown into blocks, so that a growing answer changes only its last one. Makes HTML text; knows no DOM and trusts
// nothing: what a model writes may be hostile, and its HTML is shown as text.
import { Lexer, Parser, type Token } from 'marked';
import { escapeHtml } from './escape.ts';
import { options } from './renderer.ts';

export interface Block {
  /** The part of the text that this block shows; all blocks joined give the text. */
  source: string;
  html: string;
}

/** What is longer or deeper is shown as it is: parsing it can take time that grows with its square. */
const tooLong = /^(?:[^\n]{4001}| {80})/m;
const longestParagraph = 8000;
const mostCells = 4000;

/** Without characters that have no glyph but an effect: controls, and those that turn the direction of what follows. */
export const clean = (text: string): string =>
  text.replace(/\r\n?/g, '\n').replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufeff]/g, '');

export class MarkdownBlocks {
  blocks: Block[] = [];
  private text = '';

  /** Blocks before the last one stay the same objects while the text only grows. */
  update(text: string): Block[] {
    const cleaned = clean(text);
    const grown = this.blocks.length > 0 && cleaned.startsWith(this.text);
    const kept = grown ? this.blocks.slice(0, -1) : [];
    const from = kept.reduce((length, { source }) => length + source.length, 0);
    this.text = cleaned;
    return (this.blocks = [...kept, ...toBlocks(cleaned.slice(from))]);
  }
}

export const toBlocks = (text: string): Block[] =>
  segments(text).flatMap(({ source, plain }) => (plain ? [plainBlock(source)] : markdownBlocks(source)));

/** Lines that are too long to parse, and what lies between them. */
function segments(text: string): { source: string; plain: boolean }[] {
  if (!tooLong.test(text)) return text === '' ? [] : [{ source: text, plain: false }];
  const found: { source: string; plain: boolean }[] = [];
  let fence = '';
  for (const line of text.split(/(?<=\n)/)) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1] ?? '';
    if (mark) fence = fence === '' ? mark : mark.startsWith(fence) ? '' : fence;
    const plain = tooLong.test(line) && fence === '';
    const last = found.at(-1);
    if (last && !last.plain && !plain) last.source += line;
    else found.push({ source: line, plain });
  }
  return found;
}

function markdownBlocks(text: string): Block[] {
  try {
    const lexer = new Lexer(options);
    const tokens = lexer.blockTokens(text);
    for (const { src, tokens: inline } of lexer.inlineQueue.splice(0)) {
      if (src.length <= longestParagraph) lexer.inlineTokens(src, inline);
      else inline.push({ type: 'text', raw: src, text: src, escaped: false });
    }
    const blocks: Block[] = [];
    let from = 0; // not the token's own text: the lexer trims some ends of lines
    for (const token of tokens) {
      const source = text.slice(from, (from += token.raw.length));
      const last = blocks.at(-1);
      if (token.type === 'space' && last) last.source += source;
      else blocks.push(blockOf(token, source));
    }
    return from === text.length ? blocks : [{ source: text, html: blocks.map(({ html }) => html).join('') }];
  } catch {
    return [plainBlock(text)]; // nested too deep for the stack
  }
}

function blockOf(token: Token, source: string): Block {
  if (token.type === 'table' && (token.rows.length + 1) * token.header.length > mostCells) return plainBlock(source);
  return { source, html: Parser.parse([token], options) };
}

const plainBlock = (source: string): Block => ({ source, html: `<p class="plain">${escapeHtml(source)}</p>` });
