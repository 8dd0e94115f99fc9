// What the tokens of Markdown become in HTML. Raw HTML becomes text, and nothing is fetched: an image is a link to it.
import { Marked, Renderer, type MarkedOptions, type Tokens } from 'marked';
import { dialect } from './dialect.ts';
import { escapeHtml } from './escape.ts';
import { mathsSyntax } from './maths-syntax.ts';

/** Schemes that a link may have. */
export const safeAddress = /^(?:https?:\/\/|mailto:)/i;

class ChatRenderer extends Renderer {
  override html({ text }: Tokens.HTML | Tokens.Tag): string {
    return escapeHtml(text);
  }

  /** A message stands below the page's own headings. */
  override heading({ tokens, depth }: Tokens.Heading): string {
    const level = Math.min(depth + 2, 6);
    return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>`;
  }

  override code({ text, lang }: Tokens.Code): string {
    const language = /^[\w+#.-]{1,30}/.exec(lang ?? '')?.[0] ?? '';
    return `<pre><code${language ? ` class="language-${escapeHtml(language)}"` : ''}>${escapeHtml(text)}</code></pre>`;
  }

  override table(token: Tokens.Table): string {
    return `<div class="table" role="region" aria-label="Table" tabindex="0">${super.table(token)}</div>`;
  }

  override checkbox({ checked }: Tokens.Checkbox): string {
    return checked ? '☑ ' : '☐ ';
  }

  override link({ href, title, tokens }: Tokens.Link): string {
    const text = this.parser.parseInline(tokens);
    if (!safeAddress.test(href)) return text;
    const about = title ? ` title="${escapeHtml(title)}"` : '';
    return `<a href="${escapeHtml(href)}"${about} target="_blank" rel="noopener noreferrer nofollow">${text}</a>`;
  }

  override image({ href, title, text }: Tokens.Image): string {
    const words = [{ type: 'text', raw: text || 'image', text: text || 'image', escaped: false }] as Tokens.Link['tokens'];
    return this.link({ type: 'link', raw: '', href, title, text, tokens: words });
  }
}

/** A line end inside a paragraph is a line end: models write verse and addresses so. */
export const options: MarkedOptions = {
  ...new Marked({ extensions: mathsSyntax, tokenizer: dialect }).defaults,
  gfm: true,
  breaks: true,
  renderer: new ChatRenderer(),
};
