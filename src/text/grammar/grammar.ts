// What a request says of the form of its answer, and the constraints made of it. All of the grammars are loaded with this
// file, when a request first asks.
import { RequestError, shown } from '../../errors.ts';
import { type ResponseGrammar } from '../../protocol.ts';
import { type ConstraintSource, type Vocabulary, createConstraints } from './constraint.ts';
import { readEbnf } from './ebnf.ts';
import { type Grammar, rule, sequence } from './expression.ts';
import { readJsonSchema } from './json-schema.ts';
import { jsonRules, space } from './json-text.ts';
import { readRegex } from './regex.ts';

/** @throws RequestError with the code unsupported_schema or unsupported_grammar. */
export function readGrammar(asked: ResponseGrammar): Grammar {
  if ('schema' in asked) return readJsonSchema(asked.schema);
  if ('ebnf' in asked) return readEbnf(asked.ebnf);
  if ('regex' in asked) return { root: readRegex(asked.regex, { whole: true }), rules: new Map() };
  if ('json' in asked) return { root: sequence(space, rule('object')), rules: new Map(jsonRules) };
  throw new RequestError(`The grammar of a request is ${shown(asked)}; it must be one of { json }, { schema }, { ebnf }, { regex }.`);
}

const sources = new WeakMap<object, Map<string, ConstraintSource>>();
const mostKept = 8;

/** Those of what was asked for before are kept, with the masks that are known of them; `asked` is JSON that says all of it. */
export function constraintsOf(asked: object, make: () => Grammar, vocabulary: Vocabulary): ConstraintSource {
  let kept = sources.get(vocabulary.tokenizer);
  if (!kept) sources.set(vocabulary.tokenizer, (kept = new Map()));
  const key = `${vocabulary.size} ${JSON.stringify(asked)}`;
  const source = kept.get(key) ?? createConstraints(make(), vocabulary);
  kept.delete(key);
  kept.set(key, source); // last used, last to go
  if (kept.size > mostKept) kept.delete(kept.keys().next().value!);
  return source;
}
