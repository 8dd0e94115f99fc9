// Runs a template's tree. Each node costs a step; what nodes make is charged where it is made.
import { type Arguments, type Block, type Expression, type FilterExpression, type MacroBody, type Program, type Statement, type Target } from './syntax/ast.ts';
import { attributeOf, itemOf } from './python/attributes.ts';
import { modulo } from './python/format.ts';
import { createLoop } from './loop.ts';
import { bindMacro } from './macros.ts';
import { arithmetic, compare, contains, equals, escapeHtml, hashKey, iterate, signed, slice, toList, truthy } from './python/operators.ts';
import { type Runtime } from './python/runtime.ts';
import { plainOf, str } from './python/spelling.ts';
import { type CallArguments, Callable, Dict, fail, Lazy, Live, Markup, Namespace, present, Tuple, typeName, Undefined, type Value } from './python/values.ts';

/** Variables of a block, and those around it. */
class Scope {
  readonly #values = new Map<string, Value | undefined>();

  /** `hidden` names are undefined here until they are set. `escape`: what is printed becomes safe in HTML. */
  constructor(readonly outer: Scope | undefined, hidden: readonly string[] = [], public escape: boolean = outer?.escape ?? false) {
    for (const name of hidden) this.#values.set(name, undefined);
  }

  get(name: string): Value | undefined {
    let scope: Scope | undefined = this; // eslint-disable-line @typescript-eslint/no-this-alias -- the first of a chain
    while (scope && !scope.#values.has(name)) scope = scope.outer;
    return scope === undefined ? undefined : scope.#values.get(name);
  }

  set(name: string, value: Value): void {
    this.#values.set(name, value);
  }

  /** Variables that have a value. */
  *values(): Generator<readonly [string, Value]> {
    for (const [name, value] of this.#values) if (value !== undefined) yield [name, value];
  }
}

/** Text as it is written. */
class Output {
  readonly #parts: string[] = [];

  constructor(readonly rt: Runtime) {}

  write(text: string): void {
    this.rt.text(text.length);
    if (text) this.#parts.push(text);
  }

  text(): string {
    this.rt.text(this.#parts.reduce((sum, part) => sum + part.length, 0));
    return this.#parts.join('');
  }
}

type Signal = 'break' | 'continue' | undefined;
type ForStatement = Statement & { kind: 'for' };

export class Interpreter {
  readonly #context: Scope;
  readonly #root: Scope;

  constructor(readonly rt: Runtime, readonly program: Program, variables: Iterable<readonly [string, Value]>) {
    this.#context = new Scope(undefined);
    this.#context.set('self', new Live((name) => this.#blockReference(name), () => '<TemplateReference None>'));
    for (const [name, value] of variables) this.#context.set(name, value);
    this.#root = new Scope(this.#context, program.hidden);
  }

  run(): string {
    const out = new Output(this.rt);
    this.#execute(this.program.body, this.#root, out);
    return out.text();
  }

  /** The text of a block, in a scope of its own. */
  #render(block: Block, scope: Scope): Value {
    const out = new Output(this.rt);
    this.rt.deeper(() => this.#execute(block.body, scope, out));
    return scope.escape ? new Markup(out.text()) : out.text();
  }

  #blockReference(name: string): Value | undefined {
    const block = this.program.blocks.get(name);
    return block && new Callable(() => this.#render(block, this.#blockScope(block)), `<BlockReference ${name}>`);
  }

  /** A `{% block %}` sees what the template has set, and no variables of loops or macros around it. */
  #blockScope(block: Block): Scope {
    const scope = new Scope(this.#context);
    for (const [name, value] of this.#root.values()) scope.set(name, value);
    return new Scope(scope, block.hidden);
  }

  #execute(statements: readonly Statement[], scope: Scope, out: Output): Signal {
    for (const statement of statements) {
      this.rt.step();
      const signal = this.#statement(statement, scope, out);
      if (signal) return signal;
    }
    return undefined;
  }

  #statement(statement: Statement, scope: Scope, out: Output): Signal {
    switch (statement.kind) {
      case 'text':
        out.write(this.#literal(statement.text));
        return undefined;
      case 'print':
        this.#print(this.#evaluate(statement.value, scope), scope, out);
        return undefined;
      case 'if': {
        const branch = statement.branches.find(([test]) => truthy(this.#evaluate(test, scope)));
        return this.#execute(branch ? branch[1] : statement.otherwise, scope, out);
      }
      case 'for':
        this.#loop(statement, this.#evaluate(statement.iterable, scope), 0, scope, out);
        return undefined;
      case 'set':
        this.#assign(statement.target, this.#evaluate(statement.value, scope), scope);
        return undefined;
      case 'set block':
        return this.#setBlock(statement, scope);
      case 'filter block': {
        const inside = new Output(this.rt);
        const inner = new Scope(scope, statement.block.hidden);
        const signal = this.#execute(statement.block.body, inner, inside);
        if (!signal) this.#print(this.#filter(statement.filter, inner, inner.escape ? new Markup(inside.text()) : inside.text()), scope, out);
        return signal;
      }
      case 'macro':
        scope.set(statement.name, this.#macro(statement.name, statement.macro, scope));
        return undefined;
      case 'call block': {
        const given = this.#arguments(statement.call, scope);
        const kwargs = new Map(given.kwargs).set('caller', this.#macro(undefined, statement.macro, scope));
        this.#print(this.#call(this.#evaluate(statement.call.callee, scope), { ...given, kwargs }), scope, out);
        return undefined;
      }
      case 'with': {
        const inner = new Scope(scope, statement.block.hidden);
        for (const [target, value] of statement.assignments) this.#assign(target, this.#evaluate(value, scope), inner);
        return this.#execute(statement.block.body, inner, out);
      }
      case 'autoescape':
        return this.#execute(statement.block.body, new Scope(scope, statement.block.hidden, truthy(this.#evaluate(statement.value, scope))), out);
      case 'generation':
        return this.#execute(statement.block.body, new Scope(scope, statement.block.hidden), out);
      case 'block':
        if (statement.required) return fail(`Required block '${statement.name}' not found`);
        return this.#execute(statement.block.body, this.#blockScope(statement.block), out);
      case 'load':
        return fail(`there are no other templates to ${statement.tag}`);
      default:
        return statement.kind;
    }
  }

  /** What the template spells itself. */
  #literal(text: string): string {
    return this.rt.marks?.markLiteral(text) ?? text;
  }

  #print(value: Value, scope: Scope, out: Output): void {
    out.write(scope.escape ? escapeHtml(this.rt, value) : str(this.rt, value));
  }

  #setBlock({ target, filter, block }: Statement & { kind: 'set block' }, scope: Scope): Signal {
    const out = new Output(this.rt);
    const inner = new Scope(scope, block.hidden);
    const signal = this.#execute(block.body, inner, out);
    if (signal) return signal;
    const content = inner.escape ? new Markup(out.text()) : out.text();
    this.#assign(target, filter ? this.#filter(filter, inner, content) : content, scope);
    return undefined;
  }

  #assign(target: Target, value: Value, scope: Scope): void {
    if (target.kind === 'name') return scope.set(target.name, value);
    if (target.kind === 'attribute') {
      const namespace = scope.get(target.object);
      if (!(namespace instanceof Namespace)) return fail('cannot assign attribute on non-namespace object');
      if (target.name.startsWith('_')) return fail(`Chat templates cannot store underscore-prefixed attributes on a namespace, but got '${target.name}'.`);
      return void namespace.attributes.set(target.name, value);
    }
    const items = toList(this.rt, value);
    if (items.length !== target.items.length) return fail(`${target.items.length} values are needed to unpack, found ${items.length}`);
    target.items.forEach((item, i) => this.#assign(item, items[i], scope));
  }

  #loop(statement: ForStatement, iterable: Value, depth: number, scope: Scope, out: Output): void {
    const { target, test, block, otherwise } = statement;
    const source = test ? new Lazy(this.#chosen(target, test, iterable, scope)) : iterable;
    const render = (items: Value): Value => {
      const inside = new Output(this.rt);
      this.rt.deeper(() => this.#loop(statement, items, depth + 1, scope, inside));
      return scope.escape ? new Markup(inside.text()) : inside.text();
    };
    const loop = createLoop(this.rt, source, iterate(this.rt, source), depth, statement.recursive ? render : undefined);
    // In Jinja2 a turn that was left early does not count: after none but such, what is under `else` is printed.
    let finished = false;
    for (let item = loop.next(); item !== undefined; item = loop.next()) {
      this.rt.step(4);
      const inner = new Scope(scope, block.hidden);
      this.#assign(target, item, inner);
      inner.set('loop', loop.variable);
      const signal = this.#execute(block.body, inner, out);
      if (signal === 'break') break;
      if (!signal) finished = true;
    }
    if (!finished) this.#execute(otherwise.body, new Scope(scope, otherwise.hidden), out);
  }

  *#chosen(target: Target, test: Expression, iterable: Value, scope: Scope): Generator<Value> {
    for (const item of iterate(this.rt, iterable)) {
      const inner = new Scope(scope);
      this.#assign(target, item, inner);
      if (truthy(this.#evaluate(test, inner))) yield item;
    }
  }

  #macro(name: string | undefined, macro: MacroBody, scope: Scope): Callable {
    const call = (given: CallArguments): Value => {
      const inner = new Scope(scope, macro.hidden);
      const bound = bindMacro(name ?? 'caller', macro, given);
      for (const parameter of macro.parameters) inner.set(parameter, new Undefined(`parameter '${parameter}' was not provided`));
      for (const [parameter, value] of bound) inner.set(parameter, value);
      const withoutDefault = macro.parameters.length - macro.defaults.length;
      macro.parameters.forEach((parameter, i) => {
        if (!bound.has(parameter) && i >= withoutDefault) inner.set(parameter, this.#evaluate(macro.defaults[i - withoutDefault], inner));
      });
      return this.#render(macro, inner);
    };
    return new Callable(call, name === undefined ? '<Macro anonymous>' : `<Macro '${name}'>`, {
      name: name ?? null,
      arguments: new Tuple(macro.parameters),
      caller: macro.special.has('caller'),
      catch_kwargs: macro.special.has('kwargs'),
      catch_varargs: macro.special.has('varargs'),
    });
  }

  #evaluate(node: Expression, scope: Scope): Value {
    this.rt.step();
    switch (node.kind) {
      case 'const': return typeof node.value === 'string' ? this.#literal(node.value) : node.value;
      case 'name': return present(scope.get(node.name), () => new Undefined(`'${node.name}' is undefined`));
      case 'list': return node.items.map((item) => this.#evaluate(item, scope));
      case 'tuple': return new Tuple(node.items.map((item) => this.#evaluate(item, scope)));
      case 'dict': return this.#dict(node.pairs, scope);
      case 'concat': return this.#concat(node.items.map((item) => this.#evaluate(item, scope)), scope);
      case 'getattr': return attributeOf(this.rt, this.#evaluate(node.object, scope), node.name);
      case 'getitem': return itemOf(this.rt, this.#evaluate(node.object, scope), this.#evaluate(node.key, scope));
      case 'slice': return slice(this.rt, this.#evaluate(node.object, scope), node.bounds.map((bound) => bound && this.#evaluate(bound, scope)));
      case 'call': return this.#call(this.#evaluate(node.callee, scope), this.#arguments(node, scope));
      case 'filter': return this.#filter(node, scope, undefined);
      case 'test': {
        const test = Object.hasOwn(this.rt.operations.test, node.name) ? this.rt.operations.test[node.name] : fail(`No test named '${node.name}'.`);
        return test(this.rt, this.#evaluate(node.input, scope), this.#arguments(node, scope));
      }
      case 'not': return !truthy(this.#evaluate(node.operand, scope));
      case 'negative': return signed(this.#evaluate(node.operand, scope), true);
      case 'positive': return signed(this.#evaluate(node.operand, scope), false);
      case 'arithmetic': {
        const [left, right] = [this.#evaluate(node.left, scope), this.#evaluate(node.right, scope)];
        return node.operator === '%' ? modulo(this.rt, left, right) : arithmetic(this.rt, node.operator, left, right);
      }
      case 'and':
      case 'or': {
        const left = this.#evaluate(node.left, scope);
        return truthy(left) === (node.kind === 'or') ? left : this.#evaluate(node.right, scope);
      }
      case 'compare': return this.#compare(node, scope);
      case 'conditional':
        if (truthy(this.#evaluate(node.test, scope))) return this.#evaluate(node.then, scope);
        return node.otherwise
          ? this.#evaluate(node.otherwise, scope)
          : new Undefined('the inline if-expression evaluated to false and no else section was defined.');
    }
  }

  #dict(pairs: readonly (readonly [Expression, Expression])[], scope: Scope): Dict {
    const dict = new Dict();
    for (const [keyNode, valueNode] of pairs) {
      const key = this.#evaluate(keyNode, scope);
      dict.set(hashKey(this.rt, key), key, this.#evaluate(valueNode, scope));
    }
    return dict;
  }

  /** `a ~ b`. */
  #concat(values: readonly Value[], scope: Scope): Value {
    const safe = scope.escape && values.some((value) => value instanceof Markup);
    const parts = values.map((value) => (safe ? escapeHtml(this.rt, value) : str(this.rt, value)));
    this.rt.text(parts.reduce((sum, part) => sum + part.length, 0));
    return safe ? new Markup(parts.join('')) : parts.join('');
  }

  #compare({ first, rest }: Expression & { kind: 'compare' }, scope: Scope): Value {
    let left = this.#evaluate(first, scope);
    for (const [operator, node] of rest) {
      const right = this.#evaluate(node, scope);
      if (!this.#holds(operator, left, right)) return false;
      left = right;
    }
    return true;
  }

  #holds(operator: string, left: Value, right: Value): boolean {
    switch (operator) {
      case '==': return equals(this.rt, left, right);
      case '!=': return !equals(this.rt, left, right);
      case 'in': return contains(this.rt, right, left);
      case 'not in': return !contains(this.rt, right, left);
      case '<': return compare(this.rt, left, right, operator) < 0;
      case '<=': return compare(this.rt, left, right, operator) <= 0;
      case '>': return compare(this.rt, left, right, operator) > 0;
      default: return compare(this.rt, left, right, operator) >= 0;
    }
  }

  /** `enclosed`: what a block filters, where the filter has no input of its own. */
  #filter(node: FilterExpression, scope: Scope, enclosed: Value | undefined): Value {
    const filter = Object.hasOwn(this.rt.operations.filter, node.name) ? this.rt.operations.filter[node.name] : fail(`No filter named '${node.name}'.`);
    const { input } = node;
    const value = !input ? enclosed! : enclosed !== undefined && input.kind === 'filter' ? this.#filter(input, scope, enclosed) : this.#evaluate(input, scope);
    return filter(this.rt, value, this.#arguments(node, scope));
  }

  #arguments(node: Arguments, scope: Scope): CallArguments {
    const args = node.args.map((arg) => this.#evaluate(arg, scope));
    if (node.star) args.push(...iterate(this.rt, this.#evaluate(node.star, scope)));
    const kwargs = new Map(node.kwargs.map(([name, value]) => [name, this.#evaluate(value, scope)]));
    const more = node.starStar && this.#evaluate(node.starStar, scope);
    if (more === undefined) return { args, kwargs };
    if (!(more instanceof Dict)) return fail(`argument after ** must be a mapping, not ${typeName(more)}`);
    for (const [key, value] of more.entries()) {
      const name = plainOf(this.rt, key) ?? fail('keywords must be strings');
      if (kwargs.has(name)) return fail(`got multiple values for keyword argument '${name}'`);
      kwargs.set(name, value);
    }
    return { args, kwargs };
  }

  #call(callee: Value, given: CallArguments): Value {
    if (callee instanceof Callable) return callee.call(given);
    if (callee instanceof Live && callee.more.call) return callee.more.call(given);
    return fail(callee instanceof Undefined ? callee.message : `'${typeName(callee)}' object is not callable`);
  }
}
