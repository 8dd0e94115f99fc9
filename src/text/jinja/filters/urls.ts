// The filters urlencode and urlize.
import { iterate, iteratorOf } from '../python/operators.ts';
import { type Runtime } from '../python/runtime.ts';
import { str } from '../python/spelling.ts';
import { pythonSpace } from '../python/unicode.ts';
import { Dict, fail, textOf, Tuple, isList, type Value } from '../python/values.ts';

/** A text, or the pairs of a mapping or a list as a query. */
export function urlEncode(rt: Runtime, value: Value): string {
  if (textOf(value) !== undefined || !iteratorOf(value)) return quote(rt, str(rt, value)).replaceAll('%2F', '/');
  const query = (part: Value): string => quote(rt, str(rt, part)).replaceAll('%20', '+');
  const pairs = value instanceof Dict ? [...value.entries()] : Array.from(iterate(rt, value), pair);
  return pairs.map(([key, each]) => `${query(key)}=${query(each)}`).join('&');
}

function pair(value: Value): readonly [Value, Value] {
  const items = isList(value) ? value : value instanceof Tuple ? value.items : textOf(value) !== undefined ? [...textOf(value)!] : [];
  return items.length === 2 ? [items[0], items[1]] : fail('pairs are needed');
}

/** Python's urllib.parse.quote with nothing safe. */
function quote(rt: Runtime, text: string): string {
  rt.text(text.length * 3);
  return encodeURIComponent(rt.plain(text).replace(/\p{Surrogate}/gu, '\ufffd')).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

interface LinkOptions {
  readonly limit?: number;
  readonly nofollow: boolean;
  readonly target?: string;
  readonly rel: string;
  readonly schemes: readonly string[];
}

const withScheme = /(?:https?:\/\/|www\.)(?:(?:[\p{L}\p{N}_%-]+\.)+)?(?:[a-z]{2,63}|xn--[\p{L}\p{N}_%]{2,59})/u.source;
const withKnownEnd = /(?:[\p{L}\p{N}_%-]{2,63}\.)+(?:com|net|int|edu|gov|org|info|mil)/u.source;
const withNumbers = /https?:\/\/(?:\d{1,3}(?:\.\d{1,3}){3}|\[(?:[\da-f]{0,4}:){2}(?:[\da-f]{0,4}:?){1,6}\])/u.source;
const portAndPath = /(?::\d{1,5})?(?:[/?#]\S*)?/u.source;
const address = new RegExp(`^(?:${withScheme}|${withKnownEnd}|${withNumbers})${portAndPath}$`, 'iu');
const email = /^\S+@[\p{L}\p{N}_][\p{L}\p{N}_.-]*\.[\p{L}\p{N}_]+$/u;

/** Links in a text that is escaped already. */
export function urlize(rt: Runtime, text: string, { limit, nofollow, target, rel, schemes }: LinkOptions): string {
  for (const scheme of schemes) if (!/^([\w.+-]{2,}:(\/){0,2})$/.test(scheme)) return fail(`'${scheme}' is not a valid URI scheme prefix.`);
  rt.search(text.length, text.length / 2);
  const relations = [...new Set([...rel.split(/\s+/).filter(Boolean), ...(nofollow ? ['nofollow'] : []), 'noopener'])].sort().join(' ');
  const attributes = ` rel="${relations}"${target ? ` target="${target}"` : ''}`;
  const shown = (url: string): string => (limit !== undefined && [...url].length > limit ? `${[...url].slice(0, limit).join('')}...` : url);
  const linked = rt.plain(text).split(new RegExp(`([${pythonSpace}]+)`)).map((word) => {
    const { head, middle, tail } = trimmed(word);
    return head + link(middle, attributes, shown, schemes) + tail;
  });
  rt.text(linked.reduce((sum, word) => sum + word.length, 0));
  return linked.join('');
}

function link(middle: string, attributes: string, shown: (url: string) => string, schemes: readonly string[]): string {
  if (address.test(middle)) return `<a href="${/^https?:\/\//.test(middle) ? '' : 'https://'}${middle}"${attributes}>${shown(middle)}</a>`;
  if (middle.startsWith('mailto:') && email.test(middle.slice(7))) return `<a href="${middle}">${middle.slice(7)}</a>`;
  if (middle.includes('@') && !middle.startsWith('www.') && !middle.startsWith('@') && !middle.includes(':') && email.test(middle))
    return `<a href="mailto:${middle}">${middle}</a>`;
  const scheme = schemes.find((each) => middle !== each && middle.startsWith(each));
  return scheme ? `<a href="${middle}"${attributes}>${middle}</a>` : middle;
}

/** A word without the brackets and the punctuation around it; brackets that it closes itself stay. */
function trimmed(word: string): { head: string; middle: string; tail: string } {
  const [head] = /^(?:[(<]|&lt;)*/.exec(word)!;
  let middle = word.slice(head.length);
  const [tailed] = /(?:[)>.,\n]|&gt;)*$/.exec(middle.length < 4096 ? middle : '')!;
  let tail = tailed;
  middle = middle.slice(0, middle.length - tail.length);
  for (const [open, close] of [['(', ')'], ['<', '>'], ['&lt;', '&gt;']]) {
    const count = (text: string, part: string): number => text.split(part).length - 1;
    const opened = count(middle, open);
    if (opened <= count(middle, close)) continue;
    for (let i = Math.min(opened, count(tail, close)); i > 0; i--) {
      const end = tail.indexOf(close) + close.length;
      middle += tail.slice(0, end);
      tail = tail.slice(end);
    }
  }
  return { head, middle, tail };
}
