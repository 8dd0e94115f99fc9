// Where models write Markdown otherwise than CommonMark reads it: raw HTML is text, so it keeps its lines and what is
// marked in it; ~ alone is a tilde; and * beside Chinese, Japanese or Korean text marks what it encloses.
import { type TokenizerObject, type Tokens } from 'marked';

/** Letters and marks of scripts that put no spaces between words, where CommonMark's rule of what stands beside a star fails. */
const cjk = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\u3000-\u303f\uff00-\uffef]/u;
/** Some words between equally many stars, without a star in them. */
const starred = /^(\*{1,3})(?![\s*])([^*]*[^\s*])\1(?!\*)/;

/** What takes the place of marked's own; `false` leaves it to that. */
export const dialect: TokenizerObject = {
  html: () => undefined,
  del(src) {
    return src.startsWith('~~') ? false : undefined;
  },
  emStrong(src, maskedSrc, prevChar = '') {
    // The masked text has no stars in code, links and the like.
    const marks = starred.exec(maskedSrc.slice(-src.length))?.[1].length;
    if (marks === undefined) return false;
    const end = maskedSrc.slice(-src.length).indexOf('*', marks);
    const text = src.slice(marks, end);
    const beside = [prevChar, src.charAt(end + marks), text.charAt(0), text.charAt(text.length - 1)];
    if (!beside.some((character) => cjk.test(character))) return false;
    const raw = src.slice(0, end + marks);
    if (marks === 2) return { type: 'strong', raw, text, tokens: this.lexer.inlineTokens(text) };
    const inner = marks === 3 ? `**${text}**` : text;
    return { type: 'em', raw, text: inner, tokens: this.lexer.inlineTokens(inner) } satisfies Tokens.Em;
  },
};
