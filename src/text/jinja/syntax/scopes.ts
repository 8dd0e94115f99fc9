// Which names a block hides from the start. Jinja2 compiles a template to functions with local variables: a name that a
// block assigns, and reads nowhere before in the block itself, is a local variable from the block's beginning, so blocks
// within it find it undefined until then, even where the context has one of that name. Also what Jinja2 checks when it
// compiles: filters and tests have to exist, unless a condition is around them.
import { type Block, type Expression, type MacroBody, type Program, type Statement, type Target } from './ast.ts';
import { filters } from '../filters/filters.ts';
import { tests } from '../filters/tests.ts';
import { SyntaxFailure } from '../python/values.ts';

type Origin = 'parameter' | 'context' | 'outer' | 'undefined';

interface Names {
  readonly outer?: Names;
  readonly origins: Map<string, Origin>;
  readonly stored: Set<string>;
}

const knows = (names: Names | undefined, name: string): boolean => names !== undefined && (names.origins.has(name) || knows(names.outer, name));

export function resolveScopes(program: Program): void {
  resolveBlock(program, undefined, [], false);
  for (const block of program.blocks.values()) resolveBlock(block, undefined, ['self', 'super'], false);
}

/** What is in one block, without blocks of their own names. */
function resolveBlock(block: Block, outer: Names | undefined, parameters: readonly string[], soft: boolean): void {
  const names: Names = { outer, origins: new Map(parameters.map((name) => [name, 'parameter'])), stored: new Set(parameters) };
  visitAll(block.body, names);
  block.hidden = [...names.origins].filter(([, origin]) => origin === 'undefined').map(([name]) => name);
  for (const statement of block.body) descend(statement, names, soft);
}

function load(names: Names, name: string): void {
  if (!knows(names, name)) names.origins.set(name, 'context');
}

function store(names: Names, target: Target): void {
  if (target.kind === 'targets') return target.items.forEach((item) => store(names, item));
  if (target.kind === 'attribute') return load(names, target.object);
  storeName(names, target.name);
}

function storeName(names: Names, name: string): void {
  names.stored.add(name);
  if (!names.origins.has(name)) names.origins.set(name, knows(names.outer, name) ? 'outer' : 'undefined');
}

function visitAll(statements: readonly Statement[], names: Names): void {
  for (const statement of statements) visit(statement, names);
}

const read = (names: Names, ...expressions: (Expression | undefined)[]): void =>
  expressions.forEach((expression) => expression && walk(expression, (node) => void (node.kind === 'name' && load(names, node.name))));

/** The names that a statement reads and assigns in the block that it is in. */
function visit(statement: Statement, names: Names): void {
  switch (statement.kind) {
    case 'print': return read(names, statement.value);
    case 'if': {
      read(names, statement.branches[0][0]);
      const [, ...others] = statement.branches;
      // Further branches are conditions in Jinja2's own tree, their tests parts of them.
      const branches = [statement.branches[0][1], ...others, statement.otherwise].map((branch, i) => {
        const inside: Names = { ...names, origins: new Map(names.origins), stored: new Set(names.stored) };
        if (i > 0 && i <= others.length) {
          const [test, body] = branch as (typeof others)[number];
          read(inside, test);
          visitAll(body, inside);
        } else visitAll(branch as readonly Statement[], inside);
        return inside;
      });
      return mergeBranches(names, branches);
    }
    case 'for': return read(names, statement.iterable);
    case 'set':
      read(names, statement.value);
      return store(names, statement.target);
    case 'set block': return store(names, statement.target);
    case 'filter block': return read(names, statement.filter);
    case 'macro': return storeName(names, statement.name);
    case 'call block': return read(names, statement.call);
    case 'with': return read(names, ...statement.assignments.map(([, value]) => value));
    case 'load': return statement.names.forEach((name) => storeName(names, name));
  }
}

/** A name that only some branch assigns is looked up before. */
function mergeBranches(names: Names, branches: readonly Names[]): void {
  const stored = new Set(branches.flatMap((branch) => [...branch.stored]).filter((name) => !names.stored.has(name)));
  for (const branch of branches) {
    for (const [name, origin] of branch.origins) names.origins.set(name, origin);
    for (const name of branch.stored) names.stored.add(name);
  }
  for (const name of stored) names.origins.set(name, knows(names.outer, name) ? 'outer' : 'context');
}

/** The blocks within a statement, and the checks of its expressions. `soft`: a condition is around it. */
function descend(statement: Statement, names: Names, soft: boolean): void {
  const inner = (block: Block, parameters: readonly string[] = []): void => resolveBlock(block, names, parameters, false);
  switch (statement.kind) {
    case 'print': return check(soft, statement.value);
    case 'if':
      for (const [test, body] of statement.branches) {
        check(true, test);
        for (const each of body) descend(each, names, true);
      }
      for (const each of statement.otherwise) descend(each, names, true);
      return;
    case 'for':
      if (namesOf(statement.target).includes('loop')) throw new SyntaxFailure("the name 'loop' cannot be assigned in a loop");
      check(soft, statement.iterable);
      check(false, statement.test);
      inner(statement.block, ['loop', ...namesOf(statement.target)]);
      return inner(statement.otherwise);
    case 'set': return check(soft, statement.value);
    case 'set block':
      check(false, statement.filter);
      return inner(statement.block);
    case 'filter block':
      check(false, statement.filter);
      return inner(statement.block);
    case 'macro': return resolveMacro(statement.macro, names);
    case 'call block':
      check(soft, statement.call);
      return resolveMacro(statement.macro, names);
    case 'with':
      check(soft, ...statement.assignments.map(([, value]) => value));
      return inner(statement.block, statement.assignments.flatMap(([target]) => namesOf(target)));
    case 'autoescape':
      check(soft, statement.value);
      return inner(statement.block);
    case 'generation': return inner(statement.block);
  }
}

function resolveMacro(macro: MacroBody, names: Names): void {
  const special = new Set<string>();
  everyExpression(macro.body, (node) => void (node.kind === 'name' && ['caller', 'varargs', 'kwargs'].includes(node.name) && special.add(node.name)));
  for (const name of ['varargs', 'kwargs']) if (macro.parameters.includes(name)) special.delete(name);
  const caller = macro.parameters.indexOf('caller');
  if (special.has('caller') && caller >= 0 && caller < macro.parameters.length - macro.defaults.length)
    throw new SyntaxFailure("a parameter 'caller' needs a default");
  macro.special = special;
  check(false, ...macro.defaults);
  resolveBlock(macro, names, [...macro.parameters, ...special], false);
}

export const namesOf = (target: Target): string[] => (target.kind === 'targets' ? target.items.flatMap(namesOf) : target.kind === 'name' ? [target.name] : []);

/** Throws for filters and tests that do not exist. */
function check(soft: boolean, ...expressions: (Expression | undefined)[]): void {
  for (const expression of expressions) if (expression) checkOne(expression, soft);
}

function checkOne(node: Expression, soft: boolean): void {
  if (!soft && node.kind === 'filter' && !Object.hasOwn(filters, node.name)) throw new SyntaxFailure(`there is no filter '${node.name}'`);
  if (!soft && node.kind === 'test' && !Object.hasOwn(tests, node.name)) throw new SyntaxFailure(`there is no test '${node.name}'`);
  for (const child of childrenOf(node)) checkOne(child, soft || node.kind === 'conditional');
}

function walk(node: Expression, each: (node: Expression) => void): void {
  each(node);
  for (const child of childrenOf(node)) walk(child, each);
}

/** Every expression in these statements and in the blocks within them. */
function everyExpression(statements: readonly Statement[], each: (node: Expression) => void): void {
  const all = (...expressions: (Expression | undefined)[]): void => expressions.forEach((expression) => expression && walk(expression, each));
  for (const statement of statements) {
    if ('value' in statement) all(statement.value);
    if ('filter' in statement) all(statement.filter);
    if ('block' in statement && statement.kind !== 'block') everyExpression(statement.block.body, each);
    if ('macro' in statement) {
      all(...statement.macro.defaults);
      everyExpression(statement.macro.body, each);
    }
    if (statement.kind === 'call block') all(statement.call);
    if (statement.kind === 'with') all(...statement.assignments.map(([, value]) => value));
    if (statement.kind === 'for') {
      all(statement.iterable, statement.test);
      everyExpression(statement.otherwise.body, each);
    }
    if (statement.kind === 'if') {
      for (const [test, body] of statement.branches) {
        all(test);
        everyExpression(body, each);
      }
      everyExpression(statement.otherwise, each);
    }
  }
}

function childrenOf(node: Expression): Expression[] {
  const given = 'args' in node ? [...node.args, ...node.kwargs.map(([, value]) => value), node.star, node.starStar] : [];
  return [...own(node), ...given].filter((child) => child !== undefined);
}

function own(node: Expression): (Expression | undefined)[] {
  switch (node.kind) {
    case 'list': case 'tuple': case 'concat': return [...node.items];
    case 'dict': return node.pairs.flat();
    case 'getattr': return [node.object];
    case 'getitem': return [node.object, node.key];
    case 'slice': return [node.object, ...node.bounds];
    case 'call': return [node.callee];
    case 'filter': case 'test': return [node.input];
    case 'not': case 'negative': case 'positive': return [node.operand];
    case 'arithmetic': case 'and': case 'or': return [node.left, node.right];
    case 'compare': return [node.first, ...node.rest.map(([, right]) => right)];
    case 'conditional': return [node.test, node.then, node.otherwise];
    default: return [];
  }
}
