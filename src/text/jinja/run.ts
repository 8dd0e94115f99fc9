// Renders a Jinja template as transformers does, within bounds: the one door to this folder.
import { type Program } from './syntax/ast.ts';
import { filters } from './filters/filters.ts';
import { createGlobals, TemplateException } from './globals.ts';
import { Interpreter } from './interpreter.ts';
import { bounds, Runtime } from './python/runtime.ts';
import { parseTemplate } from './syntax/statements.ts';
import { tests } from './filters/tests.ts';
import { type Marks } from '../provenance.ts';
import { toValue } from './python/values.ts';

export { bounds, parseTemplate, type Program, TemplateException };

/**
 * The text that the program makes of these variables, which are as JSON has them: whole numbers are ints. With `marks`,
 * what the template itself spells is marked. Throws a TemplateException for what the template refuses itself, a
 * RangeError for what goes beyond the bounds, a JinjaError for what Jinja2 would raise.
 */
export function runTemplate(program: Program, variables: Readonly<Record<string, unknown>>, now: Date, marks?: Marks): string {
  const rt = new Runtime({ filter: filters, test: tests }, now, marks);
  const given = Object.entries(variables).filter(([, value]) => value !== undefined).map(([name, value]) => [name, toValue(value)] as const);
  return new Interpreter(rt, program, [...Object.entries(createGlobals(rt)), ...given]).run();
}
