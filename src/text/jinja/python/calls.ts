// How the arguments of a call find their parameters, as in Python.
import { type Runtime } from './runtime.ts';
import { type CallArguments, Callable, fail, type Value } from './values.ts';

/** A filter, a test or a method: `value` is what it is applied to. */
export type Operation = (rt: Runtime, value: Value, given: CallArguments) => Value;
/** Parameters that were not given are undefined. */
type Implementation = (rt: Runtime, value: Value, ...parameters: (Value | undefined)[]) => Value;

export const noArguments: CallArguments = { args: [], kwargs: new Map() };

/**
 * An operation with parameters, named in `signature` with spaces between: `width first?`, optional ones with a question
 * mark. One that begins with _ has no name for callers.
 */
export function operation(signature: string, run: Implementation): Operation {
  const parameters = signature ? signature.split(' ').map((name) => ({ name: name.replace('?', ''), optional: name.endsWith('?') })) : [];
  return (rt, value, { args, kwargs }) => {
    if (args.length > parameters.length) return fail(`it takes ${parameters.length} arguments, and was given ${args.length}`);
    const bound: (Value | undefined)[] = [...args];
    for (const [name, given] of kwargs) {
      const index = name.startsWith('_') ? -1 : parameters.findIndex((parameter) => parameter.name === name);
      if (index < 0) return fail(`it got an unexpected keyword argument '${name}'`);
      if (index < args.length) return fail(`it got multiple values for argument '${name}'`);
      bound[index] = given;
    }
    const missing = parameters.find(({ optional }, i) => !optional && bound[i] === undefined);
    return missing ? fail(`it misses the argument '${missing.name.replace('_', '')}'`) : run(rt, value, ...bound);
  };
}

/** An operation bound to its value: `'a'.upper`. */
export const method = (rt: Runtime, value: Value, name: string, run: Operation): Callable =>
  new Callable((given) => run(rt, value, given), `<built-in method ${name}>`);
