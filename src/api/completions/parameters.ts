// Checks what a caller asks of a chat or a raw completion and turns it into what the worker takes. An option that would change the answer and is not
// implemented is refused, never ignored.
import { RequestError, shown } from '../../errors.ts';
import { type GenerateRequest } from '../../protocol.ts';
import { isNeutral } from '../refuse.ts';
import { type ChatCompletionParams } from './chat.ts';
import { type CompletionParams } from './completions.ts';
import { toMessages, toTemplateVariables } from './messages.ts';
import { number } from './number.ts';
import { toOverflow, toRawOverflow } from './overflow.ts';
import { mostLogprobs, samplingNames, toSampling } from './sampling.ts';
import { toTools } from './tools.ts';

/** As of OpenAI's. */
const mostChoices = 128;
/** Of all prompts together: each is a request that waits in memory. */
const mostRequests = 2048;
const ofChat = new Set([
  ...samplingNames, 'messages', 'max_completion_tokens', 'top_logprobs', 'chat_template_kwargs',
  'response_format', 'tools', 'tool_choice', 'parallel_tool_calls', 'reasoning_format', 'context_overflow',
]);
const ofCompletion = new Set([...samplingNames, 'prompt', 'echo', 'context_overflow']);
/** OpenAI's parameters that windrow lacks, with the values that ask for nothing. */
const neutralInChat: Record<string, unknown[]> = {
  modalities: [['text']],
  store: [false],
  metadata: [{}],
  functions: [[]],
  function_call: ['none', 'auto'], // without tools, auto is none
};
const neutralInCompletion: Record<string, unknown[]> = { best_of: [1], suffix: [''] };

export function toChatRequests(params: ChatCompletionParams): GenerateRequest[] {
  refuseOthers(params, ofChat, neutralInChat);
  const { max_tokens: older, max_completion_tokens: newer } = params;
  if (typeof older === 'number' && typeof newer === 'number' && older !== newer) {
    throw new RequestError(`max_tokens is ${older} and max_completion_tokens is ${newer}; they mean the same. Leave one out.`);
  }
  const prompt = { messages: toMessages(params.messages), variables: toTemplateVariables(params.chat_template_kwargs) };
  const how = { ...toSampling(params, toTopLogprobs(params)), maxTokens: toMaxTokens('max_completion_tokens', newer) ?? toMaxTokens('max_tokens', older) };
  const overflow = toOverflow(params.context_overflow, how.maxTokens);
  const tools = toTools(params);
  const more = { ...(overflow && { overflow }), ...(tools && { tools }), ...(isApart(params) && { reasoningApart: true }) };
  return toChoices([prompt], params.n, { ...how, ...more });
}

export function toCompletionRequests(params: CompletionParams): GenerateRequest[] {
  refuseOthers(params, ofCompletion, neutralInCompletion);
  const logprobs = number('logprobs', params.logprobs, { from: 0, to: mostLogprobs, integer: true });
  const { echo } = params;
  if (echo !== undefined && echo !== null && typeof echo !== 'boolean') throw new RequestError(`echo is ${shown(echo)}; it must be true or false.`);
  const maxTokens = echo && params.max_tokens === 0 ? 0 : toMaxTokens('max_tokens', params.max_tokens);
  const overflow = toRawOverflow(params.context_overflow, maxTokens, echo);
  return toChoices(toPrompts(params.prompt), params.n, { ...toSampling(params, logprobs), maxTokens, ...(echo && { echo }), ...(overflow && { overflow }) });
}

/** A request for each choice, `n` of each prompt. */
function toChoices(prompts: readonly GenerateRequest['prompt'][], n: number | null | undefined, how: Omit<GenerateRequest, 'prompt'>): GenerateRequest[] {
  const count = number('n', n, { from: 1, to: mostChoices, integer: true }) ?? 1;
  const all = prompts.length * count;
  if (all > mostRequests)
    throw new RequestError(`${prompts.length} prompts and n of ${count} ask for ${all} texts at once; the most is ${mostRequests}. Ask for fewer.`);
  return prompts.flatMap((prompt) => Array.from({ length: count }, (_, choice) => ({ ...how, prompt, ...(choice && { choice }) })));
}

function refuseOthers(params: object, implemented: Set<string>, nothing: Record<string, unknown[]>): void {
  for (const [name, value] of Object.entries(params)) {
    if (!implemented.has(name) && !isNeutral(name, value, nothing))
      throw new RequestError(`The parameter ${name} (${shown(value)}) is not supported. Leave it out.`, { code: 'unsupported_parameter' });
  }
}

/** How many tokens a chat wants listed beside each one; undefined if it wants no log-probabilities. */
function toTopLogprobs({ logprobs, top_logprobs: top }: ChatCompletionParams): number | undefined {
  if (logprobs !== undefined && logprobs !== null && typeof logprobs !== 'boolean')
    throw new RequestError(`logprobs is ${shown(logprobs)}; it must be true or false. How many are listed is said by top_logprobs.`);
  const count = number('top_logprobs', top, { from: 0, to: mostLogprobs, integer: true });
  if (count && !logprobs) throw new RequestError(`top_logprobs is ${count} without logprobs. Give logprobs: true, or leave it out.`);
  return logprobs ? (count ?? 0) : undefined;
}

const toMaxTokens = (name: string, value: number | null | undefined): number | undefined => number(name, value, { from: 1, to: 2 ** 31 - 1, integer: true });

function toPrompts(prompt: CompletionParams['prompt']): GenerateRequest['prompt'][] {
  const each: unknown[] = Array.isArray(prompt) && prompt.length > 0 && prompt.some((part) => typeof part !== 'number') ? prompt : [prompt];
  return each.map((one) => {
    if (typeof one === 'string') return { text: one };
    if (Array.isArray(one) && one.length > 0 && one.every((id) => Number.isInteger(id) && id >= 0)) return { tokens: one as number[] };
    throw new RequestError(`prompt is ${shown(prompt)}; it must be a text, the token ids of one, or a list of these.`);
  });
}

/** llama.cpp's names. */
function isApart({ reasoning_format: format }: ChatCompletionParams): boolean {
  if (format !== undefined && format !== null && !['none', 'auto', 'deepseek'].includes(format))
    throw new RequestError(`reasoning_format is ${shown(format)}; it must be none, auto or deepseek.`);
  return format === 'auto' || format === 'deepseek';
}
