// OpenAI's `reasoning_effort` in the words of the model's chat template.
import { RequestError, shown } from '../../errors.ts';
import { type ModelInfo } from '../../protocol.ts';
import { type ChatCompletionParams } from './chat.ts';

const levels = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const;
export type ReasoningEffort = (typeof levels)[number];

/**
 * The parameters with the effort as a variable of the template: as it is where the template reads `reasoning_effort`; where it can
 * only switch reasoning, `none` switches it off and any other level on. @throws RequestError for a template that can do neither.
 */
export function applyReasoningEffort(
  { reasoning_effort: effort, ...params }: ChatCompletionParams,
  { reasoningEffort, thinking }: Pick<ModelInfo, 'reasoningEffort' | 'thinking'>,
): ChatCompletionParams {
  if (effort === undefined || effort === null) return params;
  if (!levels.includes(effort)) throw new RequestError(`reasoning_effort is ${shown(effort)}; it must be one of ${levels.join(', ')}.`);
  const variable = reasoningEffort ? 'reasoning_effort' : thinking?.variable;
  if (variable === undefined)
    throw new RequestError(`The parameter reasoning_effort (${shown(effort)}) is not supported: the model's chat template has no such choice. Leave it out.`, {
      code: 'unsupported_parameter',
    });
  const given = params.chat_template_kwargs ?? {};
  if (typeof given === 'object' && Object.hasOwn(given, variable))
    throw new RequestError(`reasoning_effort is ${effort} and chat_template_kwargs has ${variable}; they mean the same. Leave one out.`);
  return { ...params, chat_template_kwargs: { ...given, [variable]: reasoningEffort ? effort : effort !== 'none' } };
}
