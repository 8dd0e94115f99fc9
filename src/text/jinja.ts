// Runs a Jinja template as transformers does, within bounds: a template comes with a model file, so it may be written to
// hang or to fill memory. Strings may carry marks (see provenance.ts); where a template compares or searches, it gets
// them unmarked. Knows no messages.
import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';
import { type Marks } from './provenance.ts';

export type Program = ReturnType<typeof parse>;
type Node = Program['body'][number];
type Value = ReturnType<Interpreter['evaluate']>;

/** Far above any real template (the longest known have 30 kB and take some 10,000 steps for a long conversation). */
export const bounds = { sourceLength: 2 ** 18, steps: 2_000_000, stringLength: 2 ** 23, listLength: 100_000 } as const;

/** What a template raises by itself, in its own words. */
export class TemplateException extends Error {}

export function parseTemplate(source: string): Program {
  if (source.length > bounds.sourceLength) throw new RangeError(`it has ${source.length} characters; the most is ${bounds.sourceLength}`);
  return parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
}

/** The text that the program makes of these variables. With `marks`, what the template itself spells is marked. */
export function runTemplate(program: Program, variables: Readonly<Record<string, unknown>>, now: Date, marks?: Marks): string {
  const environment = new Environment();
  const globals = { true: true, false: false, none: null, True: true, False: false, None: null, range, raise_exception: raise, strftime_now: (format: string) => strftime(now, marks?.unmark(format) ?? format) };
  for (const [name, value] of Object.entries({ ...globals, ...variables })) environment.set(name, value);
  return String(new BoundedInterpreter(environment, marks).run(program).value);

  function raise(message: unknown): never {
    const text = String(message);
    throw new TemplateException(marks?.unmark(text) ?? text);
  }
}

/** An AST node whose value is known already. */
interface Known {
  readonly type: 'Known';
  readonly known: Value;
}

interface Call extends Node {
  callee: Node & { object?: Node; property?: { value?: unknown }; computed?: boolean; value?: unknown };
  args: (Node & { value?: Node })[];
}

class BoundedInterpreter extends Interpreter {
  #steps = 0;
  readonly #marks: Marks | undefined;

  constructor(environment: Environment, marks: Marks | undefined) {
    super(environment);
    this.#marks = marks;
  }

  override evaluate(node: Node | undefined, environment: Environment): Value {
    const value = this.#evaluate(node, environment);
    const looksUp = node?.type === 'Identifier' || node?.type === 'MemberExpression';
    this.#charge(value, looksUp ? 0 : 1 / 64, looksUp ? 0 : 1 / 4);
    return value;
  }

  /** Counts a step, and more by the size of what it made. */
  #charge(value: Value, perCharacter: number, perElement: number): void {
    const content: unknown = value.value;
    const characters = typeof content === 'string' ? content.length : 0;
    const elements = Array.isArray(content) ? content.length : content instanceof Map ? content.size : 0;
    this.#steps += 1 + characters * perCharacter + elements * perElement;
    if (this.#steps > bounds.steps) throw new RangeError(`it takes more than ${bounds.steps} steps`);
    if (characters > bounds.stringLength || elements > bounds.listLength) throw new RangeError(`it makes a value of length ${characters || elements}`);
  }

  #evaluate(node: Node | undefined, environment: Environment): Value {
    switch (node?.type as string | undefined) {
      case 'Known':
        return (node as unknown as Known).known;
      case 'StringLiteral': {
        const literal = super.evaluate(node, environment);
        return this.#marks ? text(literal, this.#marks.markLiteral(literal.value as string)) : literal;
      }
      case 'CallExpression': {
        const call = node as Call;
        return call.callee.type === 'MemberExpression' && !call.callee.computed ? this.#callMethod(call, environment) : super.evaluate(node, environment);
      }
      case 'For': {
        // Each turn of a loop costs, whatever its body.
        const loop = node as Node & { iterable: Node & { lhs?: Node } };
        const { iterable } = loop;
        const list = asList(this.evaluate(iterable.type === 'SelectExpression' ? iterable.lhs : iterable, environment));
        this.#charge(list, 0, 4);
        return super.evaluate({ ...loop, iterable: iterable.type === 'SelectExpression' ? { ...iterable, lhs: known(list) } : known(list) } as unknown as Node, environment);
      }
      case 'FilterExpression':
        return this.#filter(node as Node & { operand: Node; filter: Call }, environment);
      case 'BinaryExpression': {
        const { operator, left, right } = node as Node & { operator: { value: string }; left: Node; right: Node };
        if (!this.#marks || !comparisons.has(operator.value)) break;
        return super.evaluate({ ...node, left: this.#plain(left, environment), right: this.#plain(right, environment) } as unknown as Node, environment);
      }
      case 'MemberExpression': {
        const { computed, property } = node as Node & { computed: boolean; property: Node };
        if (!this.#marks || !computed || property.type === 'SliceExpression') break;
        return super.evaluate({ ...node, property: this.#plain(property, environment) } as unknown as Node, environment);
      }
      case 'ObjectLiteral': {
        if (!this.#marks) break;
        const entries = [...(node as Node & { value: Map<Node, Node> }).value];
        return super.evaluate({ ...node, value: new Map(entries.map(([key, value]) => [this.#plain(key, environment), value])) } as unknown as Node, environment);
      }
    }
    return super.evaluate(node, environment);
  }

  /** Methods of strings search and compare with their arguments. */
  #callMethod(call: Call, environment: Environment): Value {
    const object = super.evaluate(call.callee.object, environment);
    const name = String(call.callee.property?.value);
    const marked = this.#isMarked(object);
    const args = call.args.map((argument, index) => (marked || !this.#marks || (name === 'replace' && index > 0) ? argument : this.#plainArgument(argument, environment)));
    if (isText(object) && strips.has(name)) {
      const characters = args[0] && this.evaluate(args[0] as Node, environment).value;
      return text(object, strip(object.value, name, typeof characters === 'string' ? characters : undefined));
    }
    return super.evaluate({ ...call, callee: { ...call.callee, object: known(object) }, args } as unknown as Node, environment);
  }

  #filter(node: Node & { operand: Node; filter: Call & { value?: unknown } }, environment: Environment): Value {
    const operand = this.evaluate(node.operand, environment);
    const name = String(node.filter.type === 'Identifier' ? node.filter.value : node.filter.callee.value);
    if (isText(operand) && name === 'trim' && node.filter.type === 'Identifier') return text(operand, strip(operand.value, 'strip', undefined));
    let { filter } = node;
    if (this.#marks && filter.type === 'CallExpression' && !outputFilters.has(name)) {
      const marked = this.#isMarked(operand);
      filter = { ...filter, args: filter.args.map((argument, index) => (name === 'replace' && (marked || index > 0) ? argument : this.#plainArgument(argument, environment))) } as typeof filter;
    }
    return super.evaluate({ ...node, operand: known(operand), filter } as unknown as Node, environment);
  }

  #isMarked = (value: Value): boolean => isText(value) && this.#marks?.unmark(value.value) !== value.value && this.#marks !== undefined;

  /** The node with its value unmarked, texts in a list too. */
  #plain(node: Node, environment: Environment): Known {
    const value = this.evaluate(node, environment);
    return known(this.#unmark(value));
  }

  #unmark(value: Value): Value {
    if (isText(value)) return this.#isMarked(value) ? text(value, this.#marks!.unmark(value.value)) : value;
    if (!Array.isArray(value.value)) return value;
    const List = value.constructor as new (items: unknown[]) => Value;
    return new List(value.value.map((item) => this.#unmark(item as Value)));
  }

  #plainArgument(argument: Call['args'][number], environment: Environment): unknown {
    if (argument.type === 'KeywordArgumentExpression') return { ...argument, value: this.#plain(argument.value!, environment) };
    if (argument.type === 'SpreadExpression' || argument.type === 'KeywordSpreadExpression') return argument;
    return this.#plain(argument, environment);
  }
}

const comparisons = new Set(['==', '!=', 'in', 'not in', '<', '<=', '>', '>=']);
/** Filters whose arguments become part of the text. */
const outputFilters = new Set(['default', 'd', 'join', 'indent']);
const strips = new Set(['strip', 'lstrip', 'rstrip']);

const known = (value: Value): Known => ({ type: 'Known', known: value });
const isText = (value: Value): value is Value & { value: string } => value.type === 'StringValue';

/** What a loop runs over: of a text its characters, of what is undefined nothing, as in Python. */
function asList(value: Value): Value {
  if (value.type === 'UndefinedValue') return new Environment().set('list', []);
  return isText(value) ? new Environment().set('list', [...value.value]) : value;
}

/** A text value; the class is not exported, but every text has it. */
function text(like: Value, content: string): Value {
  const Text = like.constructor as new (content: string) => Value;
  return new Text(content);
}

/** Python's white space: not JavaScript's. */
const pythonSpace = '\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000';

/** Python's str.strip, lstrip and rstrip. */
function strip(value: string, name: string, characters = pythonSpace): string {
  let start = 0;
  let end = value.length;
  if (name !== 'rstrip') while (start < end && characters.includes(value[start])) start++;
  if (name !== 'lstrip') while (end > start && characters.includes(value[end - 1])) end--;
  return value.slice(start, end);
}

function range(start: number, stop?: number, step = 1): number[] {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  const count = Math.max(0, Math.ceil((to - from) / step));
  if (!(count <= bounds.listLength)) throw new RangeError(`range() of ${count} elements; the most is ${bounds.listLength}`);
  return Array.from({ length: count }, (_, i) => from + i * step);
}

const months = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];
const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** Python's strftime in the C locale, local time: what templates use of it. */
function strftime(date: Date, format: string): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const hour = date.getHours() % 12 || 12;
  const fields: Record<string, string> = {
    Y: String(date.getFullYear()), y: two(date.getFullYear() % 100), m: two(date.getMonth() + 1), B: months[date.getMonth()], b: months[date.getMonth()].slice(0, 3),
    d: two(date.getDate()), A: days[date.getDay()], a: days[date.getDay()].slice(0, 3), H: two(date.getHours()), I: two(hour), p: date.getHours() < 12 ? 'AM' : 'PM',
    M: two(date.getMinutes()), S: two(date.getSeconds()), '%': '%',
  };
  return format.replace(/%(-?)([YymBbdAaHIpMS%])/g, (_, dash: string, field: string) => (dash ? fields[field].replace(/^0(?=.)/, '') : fields[field]));
}
