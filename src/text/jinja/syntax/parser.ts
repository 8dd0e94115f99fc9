// Reads expressions, with the precedence of Jinja2: statements are in statements.ts.
import {
  type Arguments,
  type ArithmeticOperator,
  type CallExpression,
  type ComparisonOperator,
  type Expression,
  type FilterExpression,
  type Target,
} from './ast.ts';
import { type Token } from './lexer.ts';
import { bounds } from '../python/runtime.ts';
import { SyntaxFailure } from '../python/values.ts';

const comparisons = new Set(['==', '!=', '<', '<=', '>', '>=']);
const afterTest = new Set(['name', 'string', 'integer', 'float', '(', '[', '{']);
const noArguments: Arguments = { args: [], kwargs: [] };

export class Parser {
  #at = 0;
  #depth = 0;

  constructor(readonly tokens: readonly Token[]) {}

  get current(): Token {
    return this.tokens[this.#at];
  }

  next(): Token {
    return this.tokens[this.#at < this.tokens.length - 1 ? this.#at++ : this.#at];
  }

  fail(needed: string): never {
    const { kind, value, line } = this.current;
    throw new SyntaxFailure(`needed is ${needed}, found ${kind === 'name' ? `'${value}'` : `'${kind}'`} in line ${line}`);
  }

  is(kind: string): boolean {
    return this.current.kind === kind;
  }

  isName(name: string): boolean {
    return this.current.kind === 'name' && this.current.value === name;
  }

  skip(kind: string): boolean {
    if (!this.is(kind)) return false;
    this.next();
    return true;
  }

  skipName(name: string): boolean {
    if (!this.isName(name)) return false;
    this.next();
    return true;
  }

  expect(kind: string): Token {
    return this.is(kind) ? this.next() : this.fail(`'${kind}'`);
  }

  name(): string {
    return this.expect('name').value as string;
  }

  expectName(name: string): void {
    if (!this.skipName(name)) this.fail(`'${name}'`);
  }

  #following(): Token {
    return this.tokens[Math.min(this.#at + 1, this.tokens.length - 1)];
  }

  /** Runs what nests; a template that nests too deep would exhaust the stack. */
  nested<T>(parse: () => T): T {
    if (++this.#depth > bounds.nesting) throw new SyntaxFailure(`it is nested deeper than ${bounds.nesting} levels`);
    try {
      return parse();
    } finally {
      this.#depth--;
    }
  }

  expression(): Expression {
    return this.nested(() => {
      let then = this.or();
      while (this.skipName('if')) {
        const test = this.or();
        then = { kind: 'conditional', then, test, otherwise: this.skipName('else') ? this.expression() : undefined };
      }
      return then;
    });
  }

  /** An expression without a condition behind it. */
  or(): Expression {
    let left = this.#and();
    while (this.skipName('or')) left = { kind: 'or', left, right: this.#and() };
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.skipName('and')) left = { kind: 'and', left, right: this.#not() };
    return left;
  }

  #not(): Expression {
    return this.skipName('not') ? this.nested(() => ({ kind: 'not', operand: this.#not() })) : this.#compare();
  }

  #compare(): Expression {
    const first = this.#sum();
    const rest: [ComparisonOperator, Expression][] = [];
    for (;;) {
      if (comparisons.has(this.current.kind)) rest.push([this.next().kind as ComparisonOperator, this.#sum()]);
      else if (this.skipName('in')) rest.push(['in', this.#sum()]);
      else if (this.isName('not') && this.#following().kind === 'name' && this.#following().value === 'in') {
        this.next();
        this.next();
        rest.push(['not in', this.#sum()]);
      } else return rest.length ? { kind: 'compare', first, rest } : first;
    }
  }

  #binary(operators: string, operand: () => Expression): Expression {
    let left = operand();
    while (operators.split(' ').includes(this.current.kind))
      left = { kind: 'arithmetic', operator: this.next().kind as ArithmeticOperator, left, right: operand() };
    return left;
  }

  #sum(): Expression {
    return this.#binary('+ -', () => this.#concat());
  }

  #concat(): Expression {
    const items = [this.#product()];
    while (this.skip('~')) items.push(this.#product());
    return items.length > 1 ? { kind: 'concat', items } : items[0];
  }

  #product(): Expression {
    return this.#binary('* / // %', () => this.#binary('**', () => this.#unary(true)));
  }

  #unary(filters: boolean): Expression {
    const sign = this.current.kind;
    let node: Expression;
    if (sign === '-' || sign === '+') {
      this.next();
      node = this.nested(() => ({ kind: sign === '-' ? 'negative' : 'positive', operand: this.#unary(false) }));
    } else node = this.primary();
    node = this.#postfix(node);
    return filters ? this.#filtersAndTests(node) : node;
  }

  primary(): Expression {
    const token = this.current;
    switch (token.kind) {
      case 'name':
        this.next();
        if (/^(true|True|false|False)$/.test(token.value as string)) return { kind: 'const', value: /^t/i.test(token.value as string) };
        if (/^(none|None)$/.test(token.value as string)) return { kind: 'const', value: null };
        return { kind: 'name', name: token.value as string };
      case 'string': {
        let text = '';
        while (this.is('string')) text += this.next().value as string;
        return { kind: 'const', value: text };
      }
      case 'integer':
      case 'float':
        this.next();
        return { kind: 'const', value: token.value };
      case '(': {
        this.next();
        const node = this.tuple({ empty: true });
        this.expect(')');
        return node;
      }
      case '[':
        this.next();
        return { kind: 'list', items: this.#until(']', () => this.expression()) };
      case '{':
        this.next();
        return { kind: 'dict', pairs: this.#until('}', () => {
          const key = this.expression();
          this.expect(':');
          return [key, this.expression()] as const;
        }) };
      default:
        return this.fail('an expression');
    }
  }

  /** Items with commas between, and maybe one behind. */
  #until<T>(end: string, item: () => T): T[] {
    const items: T[] = [];
    while (!this.is(end)) {
      if (items.length) {
        this.expect(',');
        if (this.is(end)) break;
      }
      items.push(item());
    }
    this.expect(end);
    return items;
  }

  /** One expression, or several as a tuple without parentheses. */
  tuple({ conditions = true, empty = false, end }: { conditions?: boolean; empty?: boolean; end?: string } = {}): Expression {
    const items: Expression[] = [];
    let several = false;
    for (;;) {
      if (items.length) this.expect(',');
      if (['print end', 'block end', ')'].includes(this.current.kind) || (end && this.isName(end))) break;
      items.push(conditions ? this.expression() : this.or());
      if (!this.is(',')) break;
      several = true;
    }
    if (!several && items.length) return items[0];
    return several || empty ? { kind: 'tuple', items } : this.fail('an expression');
  }

  /** What a `{% set %}`, `{% for %}` or `{% with %}` assigns to. */
  target({ attributes = false, end }: { attributes?: boolean; end?: string } = {}): Target {
    const items: Target[] = [];
    let several = false;
    for (;;) {
      if (items.length) this.expect(',');
      if (['print end', 'block end', ')'].includes(this.current.kind) || (end && this.isName(end))) break;
      items.push(this.#oneTarget(attributes));
      if (!this.is(',')) break;
      several = true;
    }
    return several ? { kind: 'targets', items } : (items[0] ?? this.fail('a name'));
  }

  #oneTarget(attributes: boolean): Target {
    if (this.skip('(')) {
      const target = this.nested(() => this.target());
      this.expect(')');
      return target;
    }
    const name = this.storeName();
    return attributes && this.skip('.') ? { kind: 'attribute', object: name, name: this.name() } : { kind: 'name', name };
  }

  /** A name that may be assigned to. */
  storeName(): string {
    return /^(true|True|false|False|none|None)$/.test(String(this.current.value)) ? this.fail('a name that can be assigned to') : this.name();
  }

  #postfix(node: Expression): Expression {
    for (;;) {
      if (this.is('.') || this.is('[')) node = this.#subscript(node);
      else if (this.is('(')) node = this.call(node);
      else return node;
    }
  }

  #filtersAndTests(node: Expression): Expression {
    for (;;) {
      if (this.is('|')) node = this.filter(node);
      else if (this.isName('is')) node = this.#test(node);
      else if (this.is('(')) node = this.call(node);
      else return node;
    }
  }

  #subscript(object: Expression): Expression {
    if (this.skip('.')) {
      const { kind, value } = this.next();
      if (kind === 'name') return { kind: 'getattr', object, name: value as string };
      return kind === 'integer' ? { kind: 'getitem', object, key: { kind: 'const', value } } : this.fail('a name or a number after the point');
    }
    this.expect('[');
    const keys: Expression[] = [];
    let sliced: Expression | undefined;
    while (!this.is(']')) {
      if (keys.length || sliced) this.expect(',');
      const key = this.#slice(object);
      if (key.kind === 'slice') sliced = key;
      keys.push(key);
    }
    this.expect(']');
    if (keys.length === 1) return sliced ?? { kind: 'getitem', object, key: keys[0] };
    return sliced ? this.fail('one slice') : { kind: 'getitem', object, key: { kind: 'tuple', items: keys } };
  }

  /** A key, or a slice of the object. */
  #slice(object: Expression): Expression {
    const end = (): boolean => this.is(':') || this.is(']') || this.is(',');
    const start = this.is(':') ? undefined : this.expression();
    if (!this.skip(':')) return start!;
    const stop = end() ? undefined : this.expression();
    const step = this.skip(':') && !end() ? this.expression() : undefined;
    return { kind: 'slice', object, bounds: [start, stop, step] };
  }

  call(callee: Expression): CallExpression {
    return { kind: 'call', callee, ...this.#arguments() };
  }

  #arguments(): Arguments {
    this.expect('(');
    const args: Expression[] = [];
    const kwargs: [string, Expression][] = [];
    let star: Expression | undefined;
    let starStar: Expression | undefined;
    const ensure = (right: boolean): void => void (right || this.fail('a valid call'));
    this.#until(')', () => {
      if (this.is('*')) {
        ensure(!star && !starStar);
        this.next();
        star = this.expression();
      } else if (this.is('**')) {
        ensure(!starStar);
        this.next();
        starStar = this.expression();
      } else if (this.is('name') && this.#following().kind === '=') {
        ensure(!starStar);
        const name = this.name();
        this.expect('=');
        ensure(!kwargs.some(([other]) => other === name));
        kwargs.push([name, this.expression()]);
      } else {
        ensure(!star && !starStar && !kwargs.length);
        args.push(this.expression());
      }
    });
    return { args, kwargs, star, starStar };
  }

  /** Filters one after the other, of `input` or of what a block encloses. */
  filters(input?: Expression): FilterExpression {
    let node = this.filter(input, true);
    while (this.is('|')) node = this.filter(node);
    return node;
  }

  filter(input: Expression | undefined, inline = false): FilterExpression {
    if (!inline) this.expect('|');
    return { kind: 'filter', input, name: this.#dotted(), ...(this.is('(') ? this.#arguments() : noArguments) };
  }

  #dotted(): string {
    let name = this.name();
    while (this.skip('.')) name += `.${this.name()}`;
    return name;
  }

  #test(input: Expression): Expression {
    this.expectName('is');
    const negated = this.skipName('not');
    const name = this.#dotted();
    let given = noArguments;
    if (this.is('(')) given = this.#arguments();
    else if (afterTest.has(this.current.kind) && !['else', 'or', 'and'].some((word) => this.isName(word))) {
      if (this.isName('is')) return this.fail('no second test');
      given = { args: [this.#postfix(this.primary())], kwargs: [] };
    }
    const test: Expression = { kind: 'test', name, input, ...given };
    return negated ? { kind: 'not', operand: test } : test;
  }
}
