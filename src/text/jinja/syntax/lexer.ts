// Cuts the source of a template into tokens, as Jinja2 does with trim_blocks and lstrip_blocks. Knows no grammar.
import { SyntaxFailure } from '../python/values.ts';
import { pythonSpace } from '../python/unicode.ts';

/** An operator's kind is its spelling. */
export interface Token {
  readonly kind: string;
  readonly value: string | number | bigint;
  readonly line: number;
}

const space = `[${pythonSpace}]`;
const beginning = /\{[%{#]/g;
const blockEnd = new RegExp(`\\+%\\}|-%\\}${space}*|%\\}\\n?`, 'y');
const printEnd = new RegExp(`-\\}\\}${space}*|\\}\\}`, 'y');
const comment = new RegExp(`([^]*?)(?:\\+#\\}|-#\\}${space}*|#\\}\\n?)`, 'y');
const rawBegin = new RegExp(`\\{%[-+]?${space}*raw${space}*(?:-%\\}${space}*|%\\})`, 'y');
const rawEnd = new RegExp(`\\{%([-+]?)${space}*endraw${space}*(?:\\+%\\}|-%\\}${space}*|%\\}\\n?)`, 'g');
const spaces = new RegExp(`${space}+`, 'y');
const onlySpace = new RegExp(`^${space}+$`);
const endingSpace = new RegExp(`${space}+$`);
const float = /(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy;
const integer = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy;
const name = /[\p{L}\p{N}\p{M}\p{Pc}]+/uy;
const identifier = /^[\p{ID_Start}_]\p{ID_Continue}*$/u;
const string = /'[^'\\]*(?:\\[^][^'\\]*)*'|"[^"\\]*(?:\\[^][^"\\]*)*"/y;
const operator = /\*\*|\/\/|==|!=|>=|<=|[-+/*%~[\](){}><=.:|,;]/y;
const closing: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/** Where the lexer is, and what it has found. */
interface Lexer {
  readonly source: string;
  readonly tokens: Token[];
  at: number;
  line: number;
  /** Whether the text from `at` on begins a line: at first, and after a tag that took the end of its line with it. */
  lineStarts: boolean;
}

/** Throws a SyntaxFailure. The last token is 'end'. */
export function tokenize(template: string): Token[] {
  const lexer: Lexer = { source: template.replace(/\r\n?/g, '\n').replace(/\n$/, ''), tokens: [], at: 0, line: 1, lineStarts: true };
  const { source, tokens } = lexer;
  while (lexer.at < source.length) {
    beginning.lastIndex = lexer.at;
    const start = beginning.exec(source)?.index ?? source.length;
    const text = source.slice(lexer.at, start);
    if (start === source.length) {
      push(lexer, 'text', text);
      advance(lexer, text);
      break;
    }
    const sign = source.charAt(start + 2);
    const kind = source.charAt(start + 1);
    pushText(lexer, text, sign, kind === '{');
    lexer.lineStarts = false;
    const raw = match(lexer, rawBegin);
    if (raw !== undefined) rawText(lexer, raw);
    else if (kind === '#') remark(lexer);
    else {
      advance(lexer, source.slice(start, start + (sign === '-' || sign === '+' ? 3 : 2)));
      push(lexer, kind === '%' ? 'block begin' : 'print begin', '');
      if (kind === '%') tag(lexer, blockEnd, 'block end');
      else tag(lexer, printEnd, 'print end');
    }
  }
  push(lexer, 'end', '');
  return tokens;
}

function match({ source, at }: Lexer, pattern: RegExp): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0];
}

function advance(lexer: Lexer, text: string): void {
  lexer.at += text.length;
  for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) lexer.line++;
}

function push({ tokens, line }: Lexer, kind: string, value: Token['value']): void {
  tokens.push({ kind, value, line });
}

/** The text before a tag that may take white space away from it. */
function pushText(lexer: Lexer, text: string, sign: string, keepsIndent: boolean): void {
  let kept = text;
  if (sign === '-') kept = text.replace(endingSpace, '');
  else if (sign !== '+' && !keepsIndent) {
    const start = text.lastIndexOf('\n') + 1;
    if ((start > 0 || lexer.lineStarts) && onlySpace.test(text.slice(start))) kept = text.slice(0, start);
  }
  if (kept) push(lexer, 'text', kept);
  advance(lexer, text);
}

/** What is between the delimiters of a block or a print statement. */
function tag(lexer: Lexer, end: RegExp, endKind: string): void {
  const open: string[] = [];
  for (;;) {
    const ending = open.length ? undefined : match(lexer, end);
    if (ending !== undefined) {
      push(lexer, endKind, '');
      advance(lexer, ending);
      lexer.lineStarts = ending.endsWith('\n');
      return;
    }
    if (lexer.at >= lexer.source.length) throw new SyntaxFailure(`unexpected end of template in line ${lexer.line}`);
    const token = readToken(lexer);
    if (token.kind in closing) open.push(closing[token.kind]);
    else if (/^[)\]}]$/.test(token.kind) && open.pop() !== token.kind) throw new SyntaxFailure(`unexpected '${token.kind}' in line ${lexer.line}`);
    if (token.kind !== 'space') push(lexer, token.kind, token.value);
    advance(lexer, token.text);
  }
}

/** From the tag that begins a raw block to the one that ends it. */
function rawText(lexer: Lexer, begin: string): void {
  const { source } = lexer;
  advance(lexer, begin);
  rawEnd.lastIndex = lexer.at;
  const end = rawEnd.exec(source);
  if (!end) throw new SyntaxFailure(`missing end of raw in line ${lexer.line}`);
  lexer.lineStarts = begin.endsWith('\n');
  pushText(lexer, source.slice(lexer.at, end.index), end[1], false);
  advance(lexer, end[0]);
  lexer.lineStarts = end[0].endsWith('\n');
}

function remark(lexer: Lexer): void {
  advance(lexer, '{#');
  const rest = match(lexer, comment);
  if (rest === undefined) throw new SyntaxFailure(`missing end of comment in line ${lexer.line}`);
  advance(lexer, rest);
  lexer.lineStarts = rest.endsWith('\n');
}

function readToken(lexer: Lexer): { kind: string; value: Token['value']; text: string } {
  const { source, at } = lexer;
  let text = match(lexer, spaces);
  if (text !== undefined) return { kind: 'space', value: '', text };
  if (source.charAt(at - 1) !== '.' && (text = match(lexer, float)) !== undefined) return { kind: 'float', value: Number(text.replaceAll('_', '')), text };
  if ((text = match(lexer, integer)) !== undefined) return { kind: 'integer', value: BigInt(text.replaceAll('_', '')), text };
  if ((text = match(lexer, name)) !== undefined) {
    if (!identifier.test(text)) throw new SyntaxFailure(`invalid character in the name ${text}`);
    return { kind: 'name', value: text, text };
  }
  if ((text = match(lexer, string)) !== undefined) return { kind: 'string', value: unescape(text.slice(1, -1)), text };
  if ((text = match(lexer, operator)) !== undefined) return { kind: text, value: text, text };
  throw new SyntaxFailure(`unexpected character ${JSON.stringify(source.charAt(at))}`);
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v', '\\': '\\', "'": "'", '"': '"', '\n': '' };

/** Python's escapes in string literals; an unknown one stays as it is. */
function unescape(text: string): string {
  return text.replace(/\\(x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[0-7]{1,3}|[^])/g, (whole, code: string) => {
    if (code in escapes) return escapes[code];
    if (/^[0-7]/.test(code)) return String.fromCodePoint(parseInt(code, 8));
    if (/^[xuU]./.test(code)) {
      const point = parseInt(code.slice(1), 16);
      if (point <= 0x10ffff) return String.fromCodePoint(point);
    }
    if (/^[xuUN]/.test(code)) throw new SyntaxFailure(`the escape ${whole} is not known`);
    return whole;
  });
}
