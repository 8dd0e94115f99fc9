// How the arguments of a call find the parameters of a macro, as Jinja2's own Macro does.
import { type MacroBody } from './syntax/ast.ts';
import { type CallArguments, Dict, fail, Tuple, Undefined, type Value } from './python/values.ts';

/** What each name of the macro begins with; a parameter that was not given is left out. */
export function bindMacro(name: string, { parameters, special }: MacroBody, { args, kwargs }: CallArguments): Map<string, Value> {
  const bound = new Map<string, Value>();
  const left = new Map(kwargs);
  parameters.forEach((parameter, i) => {
    const value = i < args.length ? args[i] : left.get(parameter);
    if (i >= args.length) left.delete(parameter);
    if (value !== undefined) bound.set(parameter, value);
  });
  if (special.has('caller') && !parameters.includes('caller')) {
    bound.set('caller', left.get('caller') ?? new Undefined('No caller defined'));
    left.delete('caller');
  }
  if (special.has('kwargs')) {
    const dict = new Dict();
    for (const [key, value] of left) dict.set(`s${key}`, key, value);
    bound.set('kwargs', dict);
  } else if (left.size) return fail(`macro '${name}' takes no keyword argument '${[...left.keys()][0]}'`);
  if (special.has('varargs')) bound.set('varargs', new Tuple(args.slice(parameters.length)));
  else if (args.length > parameters.length) return fail(`macro '${name}' takes not more than ${parameters.length} argument(s)`);
  return bound;
}
