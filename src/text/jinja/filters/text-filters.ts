// Filters that make texts.
import { type Operation, operation } from '../python/calls.ts';
import { stripTags } from '../python/attributes.ts';
import { fixed, isNegative, readFloat } from '../python/decimal.ts';
import { percent } from '../python/format.ts';
import { escapeHtml, isNumber, iterate, len, slice, toCount, toFloat, truthy } from '../python/operators.ts';
import { prettyPrint } from '../python/pretty.ts';
import { type Runtime } from '../python/runtime.ts';
import { plainOf, str } from '../python/spelling.ts';
import { replace, strip, strMethods } from '../python/strings.ts';
import { pythonSpace, splitLines } from '../python/unicode.ts';
import { urlEncode, urlize } from './urls.ts';
import { Dict, fail, Markup, textOf, Tuple, typeName, Undefined, type Value } from '../python/values.ts';
import { wrapText } from '../python/wrap.ts';

/** Jinja2's soft_str: a str stays what it is, anything else is spelt. */
const soft = (rt: Runtime, value: Value): string | Markup => (typeof value === 'string' || value instanceof Markup ? value : str(rt, value));
const same = (like: Value, text: string): Value => (like instanceof Markup ? new Markup(text) : text);
const needText = (value: Value): string => textOf(value) ?? fail(`a str is needed, not ${typeName(value)}`);

const escape = operation('', (rt, value) => new Markup(escapeHtml(rt, value)));
/** A method of a str as a filter, which takes any value. */
const asFilter = (name: string): Operation => (rt, value, given) => strMethods[name](rt, soft(rt, value), given);

export const textFilters: Readonly<Record<string, Operation>> = {
  capitalize: asFilter('capitalize'),
  center: operation('width?', (rt, value, width = 80n) => strMethods.center(rt, soft(rt, value), { args: [width], kwargs: new Map() })),
  e: escape,
  escape,
  filesizeformat: operation('binary?', (rt, value, binary = false) => fileSize(rt, value, truthy(binary))),
  forceescape: operation('', (rt, value) => new Markup(escapeHtml(rt, str(rt, value)))),
  format: (rt, value, { args, kwargs }) => {
    if (args.length && kwargs.size) return fail("can't handle positional and keyword arguments at the same time");
    const named = new Dict();
    for (const [name, given] of kwargs) named.set(`s${name}`, name, given);
    return percent(rt, soft(rt, value), kwargs.size ? named : new Tuple(args));
  },
  indent: operation('width? first? blank?', (rt, value, width = 4n, first = false, blank = false) => indent(rt, value, width, truthy(first), truthy(blank))),
  lower: asFilter('lower'),
  pprint: operation('', (rt, value) => prettyPrint(rt, value)),
  replace: operation('old new count?', (rt, value, old, by, count = null) =>
    replace(rt, str(rt, value), str(rt, old!), str(rt, by!), count === null ? -1 : toCount(count)),
  ),
  safe: operation('', (rt, value) => new Markup(str(rt, value))),
  string: operation('', (rt, value) => soft(rt, value)),
  striptags: operation('', (rt, value) => stripTags(rt, str(rt, value))),
  title: operation('', (rt, value) => title(rt, rt.plain(str(rt, value)))),
  trim: operation('chars?', (rt, value, characters = null) => {
    const text = soft(rt, value);
    return same(text, strip(rt, textOf(text)!, characters === null ? undefined : needText(characters)));
  }),
  truncate: operation('length? killwords? end? leeway?', (rt, value, length = 255n, whole = false, end = '...', leeway = null) =>
    truncate(rt, value, toCount(length), truthy(whole), end, leeway === null ? 5 : toCount(leeway)),
  ),
  upper: asFilter('upper'),
  urlencode: operation('', (rt, value) => urlEncode(rt, value)),
  urlize: operation(
    'trim_url_limit? nofollow? target? rel? extra_schemes?',
    (rt, value, limit = null, nofollow = false, target = null, rel = null, schemes = null) => {
      const extra = schemes === null ? [] : Array.from(iterate(rt, schemes), needText);
      return urlize(rt, escapeHtml(rt, value), {
        limit: limit === null ? undefined : toCount(limit),
        nofollow: truthy(nofollow),
        target: target === null ? undefined : str(rt, target),
        rel: rel === null ? '' : str(rt, rel),
        schemes: extra,
      });
    },
  ),
  wordcount: operation('', (rt, value) => BigInt(rt.plain(str(rt, value)).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0)),
  wordwrap: operation('width? break_long_words? wrapstring? break_on_hyphens?', (rt, value, width = 79n, long = true, wrapper = null, hyphens = true) => {
    const text = needText(value);
    rt.search(text.length, 16);
    const end = wrapper === null ? '\n' : needText(wrapper);
    const lines = splitLines(rt.plain(text)).map((line) => wrapText(rt, line, toCount(width), truthy(long), truthy(hyphens)).join(end));
    rt.text(lines.reduce((sum, line) => sum + line.length + end.length, 0));
    return lines.join(end);
  }),
  xmlattr: operation('autospace?', (rt, value, autospace = true) => {
    if (!(value instanceof Dict)) return fail(`'${typeName(value)}' object has no attribute 'items'`);
    const items: string[] = [];
    for (const [key, each] of value.entries()) {
      if (each === null || each instanceof Undefined) continue;
      if (/[\t\n\v\f\r />=]/.test(plainOf(rt, key) ?? fail('expected string'))) return fail(`Invalid character in attribute name: ${str(rt, key)}`);
      items.push(`${escapeHtml(rt, key)}="${escapeHtml(rt, each)}"`);
    }
    return (truthy(autospace) && items.length ? ' ' : '') + items.join(' ');
  }),
};

function fileSize(rt: Runtime, value: Value, binary: boolean): string {
  if (value instanceof Undefined) return fail(value.message);
  const text = plainOf(rt, value);
  const bytes = (text !== undefined ? readFloat(text) : isNumber(value) ? toFloat(value) : undefined) ?? fail('could not convert to float');
  const base = binary ? 1024 : 1000;
  if (bytes === 1) return '1 Byte';
  if (bytes < base) return Number.isFinite(bytes) ? `${BigInt(Math.trunc(bytes))} Bytes` : fail('cannot convert float infinity to integer');
  const letters = binary ? 'KMGTPEZY' : 'kMGTPEZY';
  let power = 2;
  while (!(bytes < base ** power) && power < letters.length + 1) power++;
  const size = (base * bytes) / base ** power;
  return `${isNegative(size) ? '-' : ''}${fixed(size, 1)} ${letters[power - 2]}${binary ? 'iB' : 'B'}`;
}

function indent(rt: Runtime, value: Value, width: Value, first: boolean, blank: boolean): Value {
  if (value instanceof Undefined) return fail(value.message);
  const count = textOf(width) === undefined ? toCount(width) : 0;
  if (count > 0) rt.text(count);
  const indention = textOf(width) ?? ' '.repeat(Math.max(0, count));
  const text = `${needText(value)}\n`;
  const lines = splitLinesMarked(rt, text);
  rt.text(text.length + lines.length * indention.length);
  const indented = lines.map((line, i) => (i > 0 && (blank || line) ? indention + line : line)).join('\n');
  return same(value, (first ? indention : '') + indented);
}

/** Lines of a text that may be marked: cut where the text without marks ends them. */
function splitLinesMarked(rt: Runtime, text: string): string[] {
  let at = 0;
  return splitLines(rt.plain(text), true).map((line) => {
    const marked = text.slice(at, at + line.length);
    at += line.length;
    return marked.slice(0, splitLines(line)[0].length);
  });
}

const wordBeginning = new RegExp(`([-${pythonSpace}({\\[<]+)`);

/** Unlike str.title: only after white space, hyphens and brackets. */
function title(rt: Runtime, text: string): string {
  rt.text(text.length * 2);
  return text.split(wordBeginning).map((word) => {
    const [first = ''] = word;
    return first.toUpperCase() + word.slice(first.length).toLowerCase();
  }).join('');
}

function truncate(rt: Runtime, value: Value, length: number, whole: boolean, end: Value, leeway: number): Value {
  const ending = len(end);
  if (length < Number(ending)) return fail(`expected length >= ${ending}, got ${length}`);
  if (leeway < 0) return fail(`expected leeway >= 0, got ${leeway}`);
  const size = Number(len(value));
  if (size <= length + leeway) return value;
  const kept = slice(rt, value, [undefined, BigInt(length - Number(ending)), undefined]);
  const [text, tail] = [needText(kept), needText(end)];
  const words = whole ? text : text.slice(0, rt.plain(text).lastIndexOf(' ') < 0 ? undefined : rt.plain(text).lastIndexOf(' '));
  return kept instanceof Markup ? new Markup(words + escapeHtml(rt, end)) : words + tail;
}
