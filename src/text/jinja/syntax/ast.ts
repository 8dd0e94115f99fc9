// The tree of a Jinja template: types only. Names are those of Jinja2's own nodes where it has them.
import { type Value } from '../python/values.ts';

export interface Arguments {
  readonly args: readonly Expression[];
  readonly kwargs: readonly (readonly [name: string, value: Expression])[];
  /** Of `*args` and `**kwargs`. */
  readonly star?: Expression;
  readonly starStar?: Expression;
}

export interface CallExpression extends Arguments {
  readonly kind: 'call';
  readonly callee: Expression;
}

export interface FilterExpression extends Arguments {
  readonly kind: 'filter';
  readonly name: string;
  /** Undefined: what a `{% filter %}` or `{% set %}` block encloses. */
  readonly input?: Expression;
}

export type ArithmeticOperator = '+' | '-' | '*' | '/' | '//' | '%' | '**';
export type ComparisonOperator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'not in';

export type Expression =
  | { readonly kind: 'const'; readonly value: Value }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'list' | 'tuple' | 'concat'; readonly items: readonly Expression[] }
  | { readonly kind: 'dict'; readonly pairs: readonly (readonly [Expression, Expression])[] }
  | { readonly kind: 'getattr'; readonly object: Expression; readonly name: string }
  | { readonly kind: 'getitem'; readonly object: Expression; readonly key: Expression }
  | { readonly kind: 'slice'; readonly object: Expression; readonly bounds: readonly (Expression | undefined)[] }
  | CallExpression
  | FilterExpression
  | ({ readonly kind: 'test'; readonly name: string; readonly input: Expression } & Arguments)
  | { readonly kind: 'not' | 'negative' | 'positive'; readonly operand: Expression }
  | { readonly kind: 'arithmetic'; readonly operator: ArithmeticOperator; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'compare'; readonly first: Expression; readonly rest: readonly (readonly [ComparisonOperator, Expression])[] }
  | { readonly kind: 'conditional'; readonly test: Expression; readonly then: Expression; readonly otherwise?: Expression };

/** What can be assigned to: a name, an attribute of a namespace, or several of them. */
export type Target =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'attribute'; readonly object: string; readonly name: string }
  | { readonly kind: 'targets'; readonly items: readonly Target[] };

/** Statements with variables of their own. `hidden` is filled in by scopes.ts. */
export interface Block {
  readonly body: readonly Statement[];
  /** Names that are undefined until the block sets them, even where the context has them. */
  hidden: readonly string[];
}

export interface Signature {
  readonly parameters: readonly string[];
  /** Of the last parameters. */
  readonly defaults: readonly Expression[];
}

export interface MacroBody extends Block, Signature {
  /** Which of `caller`, `varargs` and `kwargs` the body reads. */
  special: ReadonlySet<string>;
}

export type Statement =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly value: Expression }
  | { readonly kind: 'if'; readonly branches: readonly (readonly [test: Expression, body: readonly Statement[]])[]; readonly otherwise: readonly Statement[] }
  | {
      readonly kind: 'for';
      readonly target: Target;
      readonly iterable: Expression;
      readonly test?: Expression;
      readonly recursive: boolean;
      readonly block: Block;
      readonly otherwise: Block;
    }
  | { readonly kind: 'set'; readonly target: Target; readonly value: Expression }
  | { readonly kind: 'set block'; readonly target: Target; readonly filter?: FilterExpression; readonly block: Block }
  | { readonly kind: 'filter block'; readonly filter: FilterExpression; readonly block: Block }
  | { readonly kind: 'macro'; readonly name: string; readonly macro: MacroBody }
  | { readonly kind: 'call block'; readonly call: CallExpression; readonly macro: MacroBody }
  | { readonly kind: 'with'; readonly assignments: readonly (readonly [Target, Expression])[]; readonly block: Block }
  | { readonly kind: 'autoescape'; readonly value: Expression; readonly block: Block }
  | { readonly kind: 'generation'; readonly block: Block }
  | { readonly kind: 'block'; readonly name: string; readonly required: boolean; readonly block: Block }
  /** `include`, `import` and `extends`: a model's template has no others to load. */
  | { readonly kind: 'load'; readonly tag: string; readonly names: readonly string[] }
  | { readonly kind: 'break' | 'continue' };

export interface Program extends Block {
  readonly blocks: ReadonlyMap<string, Block>;
}
