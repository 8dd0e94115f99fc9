// Reads a whole template: text, print statements and tags.
import { type Block, type Expression, type MacroBody, type Program, type Signature, type Statement, type Target } from './ast.ts';
import { tokenize } from './lexer.ts';
import { Parser } from './parser.ts';
import { bounds } from '../python/runtime.ts';
import { resolveScopes } from './scopes.ts';
import { SyntaxFailure } from '../python/values.ts';

/** Throws a SyntaxFailure, or a RangeError if the source is too long. */
export function parseTemplate(source: string): Program {
  if (source.length > bounds.sourceLength) throw new RangeError(`it has ${source.length} characters; the most is ${bounds.sourceLength}`);
  const reader = new TemplateReader(tokenize(source));
  const program: Program = { body: reader.statements([]), hidden: [], blocks: reader.blocks };
  resolveScopes(program);
  return program;
}

const block = (body: readonly Statement[]): Block => ({ body, hidden: [] });
const expressionTags = new Set(['include', 'import', 'extends', 'from']);

class TemplateReader extends Parser {
  readonly blocks = new Map<string, Block>();
  /** Loops around the place, as far as `break` reaches. */
  #loops = 0;

  /** Until one of these tags, whose name is then the current token; without any, to the end. */
  statements(ends: readonly string[]): Statement[] {
    return this.nested(() => {
      const body: Statement[] = [];
      for (;;) {
        const { kind, value } = this.next();
        if (kind === 'text') body.push({ kind: 'text', text: value as string });
        else if (kind === 'print begin') {
          body.push({ kind: 'print', value: this.tuple() });
          this.expect('print end');
        } else if (kind === 'block begin') {
          if (ends.some((end) => this.isName(end))) return body;
          body.push(...this.#tag());
          this.expect('block end');
        } else if (ends.length === 0) return body;
        else throw new SyntaxFailure(`the end of the template is reached before ${ends.join(' or ')}`);
      }
    });
  }

  /** The body of a tag, to its end tag, whose name is taken. */
  #body(...ends: string[]): Statement[] {
    this.skip(':');
    this.expect('block end');
    const body = this.statements(ends);
    if (ends.length === 1) this.next();
    return body;
  }

  /** A body that is a function in Jinja2: a loop around it cannot be left from within. */
  #detached(end: string): Statement[] {
    const loops = this.#loops;
    this.#loops = 0;
    const body = this.#body(end);
    this.#loops = loops;
    return body;
  }

  #tag(): Statement[] {
    const tag = this.name();
    switch (tag) {
      case 'if': return [this.#if()];
      case 'for': return [this.#for()];
      case 'set': return [this.#set()];
      case 'macro': return [{ kind: 'macro', name: this.name(), macro: this.#macro(this.#signature(), 'endmacro') }];
      case 'call': return [this.#callBlock()];
      case 'filter': {
        const filter = this.filters();
        return [{ kind: 'filter block', filter, block: block(this.#body('endfilter')) }];
      }
      case 'with': return [this.#with()];
      case 'autoescape': {
        const value = this.expression();
        return [{ kind: 'autoescape', value, block: block(this.#body('endautoescape')) }];
      }
      case 'generation': return [{ kind: 'generation', block: block(this.#detached('endgeneration')) }];
      case 'block': return [this.#block()];
      case 'print': return this.#print();
      case 'break':
      case 'continue':
        return this.#loops ? [{ kind: tag }] : this.fail(`a loop around '${tag}'`);
      default:
        return expressionTags.has(tag) ? [this.#load(tag)] : this.fail(`a tag that is known; '${tag}' is not, before`);
    }
  }

  #if(): Statement {
    const branches: (readonly [Expression, Statement[]])[] = [];
    for (;;) {
      const test = this.tuple({ conditions: false });
      branches.push([test, this.#body('elif', 'else', 'endif')]);
      if (!this.skipName('elif')) break;
    }
    const otherwise = this.skipName('else') ? this.#body('endif') : (this.next(), []);
    return { kind: 'if', branches, otherwise };
  }

  #for(): Statement {
    const target = this.target({ end: 'in' });
    this.expectName('in');
    const iterable = this.tuple({ conditions: false, end: 'recursive' });
    const test = this.skipName('if') ? this.expression() : undefined;
    const recursive = this.skipName('recursive');
    this.#loops++;
    const body = this.#body('endfor', 'else');
    this.#loops--;
    const otherwise = this.skipName('else') ? this.#body('endfor') : (this.next(), []);
    return { kind: 'for', target, iterable, test, recursive, block: block(body), otherwise: block(otherwise) };
  }

  #set(): Statement {
    const target = this.target({ attributes: true });
    if (this.skip('=')) return { kind: 'set', target, value: this.tuple() };
    const filter = this.skip('|') ? this.filters() : undefined;
    return { kind: 'set block', target, filter, block: block(this.#body('endset')) };
  }

  #signature(): Signature {
    const parameters: string[] = [];
    const defaults: Expression[] = [];
    this.expect('(');
    while (!this.is(')')) {
      if (parameters.length) this.expect(',');
      parameters.push(this.storeName());
      if (this.skip('=')) defaults.push(this.expression());
      else if (defaults.length) this.fail('a default, as the parameters before have');
    }
    this.expect(')');
    return { parameters, defaults };
  }

  #macro(signature: Signature, end: string): MacroBody {
    return { ...signature, body: this.#detached(end), hidden: [], special: new Set() };
  }

  #callBlock(): Statement {
    const signature = this.is('(') ? this.#signature() : { parameters: [], defaults: [] };
    const call = this.expression();
    return call.kind === 'call' ? { kind: 'call block', call, macro: this.#macro(signature, 'endcall') } : this.fail('a call before');
  }

  #with(): Statement {
    const assignments: (readonly [Target, Expression])[] = [];
    while (!this.is('block end')) {
      if (assignments.length) this.expect(',');
      const target = this.target();
      this.expect('=');
      assignments.push([target, this.expression()]);
    }
    return { kind: 'with', assignments, block: block(this.#body('endwith')) };
  }

  #block(): Statement {
    const name = this.name();
    if (this.blocks.has(name)) this.fail(`another name than '${name}', which is that of a block before`);
    this.skipName('scoped');
    const required = this.skipName('required');
    const content = block(this.#detached('endblock'));
    this.skipName(name);
    this.blocks.set(name, content);
    return { kind: 'block', name, required, block: content };
  }

  #print(): Statement[] {
    const values: Expression[] = [];
    while (!this.is('block end')) {
      if (values.length) this.expect(',');
      values.push(this.expression());
    }
    return values.map((value) => ({ kind: 'print', value }));
  }

  /** What such a tag says is read, and raises when it is reached. */
  #load(tag: string): Statement {
    this.expression();
    const names: string[] = [];
    while (!this.is('block end')) {
      const { kind, value } = this.next();
      if (kind === 'name' && tag !== 'include') names.push(value as string);
    }
    return { kind: 'load', tag, names };
  }
}
