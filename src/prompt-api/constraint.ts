// What an answer has to be, as parameters of a chat.
import { type ChatCompletionParams } from '../api/completions/chat.ts';
import { schemaInstruction } from '../api/completions/instruction.ts';
import { shown } from '../errors.ts';
import { notSupported } from './errors.ts';
import { type PromptOptions } from './types.ts';

export interface Constraint {
  params: Pick<ChatCompletionParams, 'response_format' | 'grammar'>;
  /** What the model is told of it. */
  instruction?: string;
}

/** @throws TypeError; NotSupportedError for flags of a RegExp that the engine's grammars lack */
export function toConstraint({ responseConstraint: constraint, omitResponseConstraintInput: isUntold }: PromptOptions): Constraint {
  if (constraint === undefined || constraint === null) return { params: {} };
  if (constraint instanceof RegExp) {
    if (/[ims]/.test(constraint.flags)) throw notSupported(`The responseConstraint has the flags ${constraint.flags}; without i, m and s it can be enforced.`);
    const instruction = `Answer with text that matches this regular expression: ${constraint.source}`;
    return { params: { grammar: { regex: constraint.source } }, ...(!isUntold && { instruction }) };
  }
  if (typeof constraint !== 'object' || Array.isArray(constraint))
    throw new TypeError(`responseConstraint is ${shown(constraint)}; it must be a JSON schema or a RegExp.`);
  return {
    params: { response_format: { type: 'json_schema', json_schema: { schema: constraint } } },
    ...(!isUntold && { instruction: schemaInstruction(constraint) }),
  };
}
