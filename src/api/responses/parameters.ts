// From the parameters of a response to those of a chat. What is not known is refused by name.
import { RequestError, shown } from '../../errors.ts';
import { type ChatCompletionParams, type ChatMessageParam } from '../completions/chat.ts';
import { asksNothing, refuseParameters } from '../refuse.ts';
import { type ResponseInputMessage, type ResponseParams } from './types.ts';

const own = ['input', 'instructions', 'previous_response_id', 'store', 'max_output_tokens', 'reasoning', 'truncation', 'metadata'];
const ofChat = [
  'stream', 'temperature', 'top_p', 'top_k', 'min_p', 'typical_p', 'xtc_probability', 'xtc_threshold',
  'seed', 'repeat_penalty', 'frequency_penalty', 'presence_penalty', 'penalty_last_n',
  'logit_bias', 'signal', 'model', 'user',
] as const;
/** OpenAI's parameters that windrow lacks, with the values that ask for nothing. */
const neutral: Record<string, unknown[]> = {
  tools: [[]], tool_choice: ['auto', 'none'], parallel_tool_calls: [true, false], background: [false], include: [[]], service_tier: ['auto', 'default'],
  text: [{}, { format: { type: 'text' } }], top_logprobs: [0],
};

/** `before`: the conversation that is gone on from. */
export function toChat(params: ResponseParams, before: readonly ChatMessageParam[]): ChatCompletionParams & { messages: ChatMessageParam[] } {
  refuseParameters(params, [...own, ...ofChat], neutral);
  const { instructions, max_output_tokens: most, reasoning, truncation, metadata, store } = params;
  if (instructions !== undefined && instructions !== null && typeof instructions !== 'string')
    throw new RequestError(`instructions is ${shown(instructions)}; it must be a text.`);
  if (store !== undefined && store !== null && typeof store !== 'boolean') throw new RequestError(`store is ${shown(store)}; it must be true or false.`);
  if (truncation !== undefined && truncation !== null && truncation !== 'auto' && truncation !== 'disabled')
    throw new RequestError(`truncation is ${shown(truncation)}; it must be auto or disabled.`);
  if (metadata && (typeof metadata !== 'object' || Object.values(metadata).some((value) => typeof value !== 'string')))
    throw new RequestError(`metadata is ${shown(metadata)}; it must be an object of texts.`);
  refuseParameters(reasoning ?? {}, ['effort']);
  const passed = Object.fromEntries(ofChat.flatMap((name) => (params[name] === undefined ? [] : [[name, params[name]]])));
  return {
    ...passed,
    messages: [...(instructions ? [{ role: 'system' as const, content: instructions }] : []), ...before, ...toMessages(params.input)],
    max_completion_tokens: most,
    reasoning_effort: reasoning?.effort,
    reasoning_format: 'auto', // the text is the answer alone, and goes back as it is
    ...(truncation === 'auto' && { context_overflow: 'truncate' as const }),
  };
}

/** The turns of `input`. */
export function toMessages(input: ResponseParams['input']): ChatMessageParam[] {
  if (typeof input === 'string') return [{ role: 'user', content: input }];
  if (!Array.isArray(input) || !input.length) throw new RequestError(`input is ${shown(input)}; it must be a text, or a list of messages.`);
  return input.map((item: ResponseInputMessage, i) => {
    const { type = 'message', role, content, ...others } = item ?? {};
    if (type !== 'message') throw new RequestError(`input[${i}] is of the type ${shown(type)}, which is not supported: there are messages alone.`);
    // What answers have beside these goes back with them.
    const other = Object.entries(others).find(([name, value]) => name !== 'id' && name !== 'status' && !asksNothing(value));
    if (other) throw new RequestError(`input[${i}].${other[0]} (${shown(other[1])}) is not supported. Leave it out.`, { code: 'unsupported_parameter' });
    return { role, content: typeof content === 'string' ? content : toText(content, i) };
  });
}

function toText(content: unknown, i: number): string {
  if (Array.isArray(content) && content.every((part) => ['input_text', 'output_text'].includes(part?.type) && typeof part.text === 'string'))
    return content.map((part: { text: string }) => part.text).join('');
  throw new RequestError(`input[${i}].content is ${shown(content)}; it must be text, or an array of { type: "input_text", text }.`);
}
