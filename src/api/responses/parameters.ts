// From the parameters of a response to those of a chat. What is not known is refused by name.
import { RequestError, shown } from '../../errors.ts';
import { dryNames } from '../completions/dry.ts';
import { type ChatCompletionParams, type ChatMessageParam } from '../completions/chat.ts';
import { refuseParameters } from '../refuse.ts';
import { type ResponseFormat } from '../completions/response-format.ts';
import { type ChatTool, type ToolChoice } from '../completions/tools.ts';
import { type ResponseParams, type ResponseTool } from './types.ts';

const own = [
  'input', 'instructions', 'previous_response_id', 'store', 'max_output_tokens', 'reasoning', 'truncation', 'metadata', 'tools', 'tool_choice', 'text',
];
const ofChat = [
  'stream', 'temperature', 'top_p', 'top_k', 'min_p', 'typical_p', 'xtc_probability', 'xtc_threshold',
  'seed', 'repeat_penalty', 'frequency_penalty', 'presence_penalty', 'penalty_last_n',
  'logit_bias', 'signal', 'model', 'user', 'parallel_tool_calls', 'grammar', 'priority', 'targets', 'chat_template_kwargs', ...dryNames,
] as const;
/** OpenAI's parameters that windrow lacks, with the values that ask for nothing. */
const neutral: Record<string, unknown[]> = { background: [false], include: [[]], service_tier: ['auto', 'default'], top_logprobs: [0] };

/** `messages`: the conversation so far, and what is asked. */
export function toChat(params: ResponseParams, messages: readonly ChatMessageParam[]): ChatCompletionParams & { messages: ChatMessageParam[] } {
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
    messages: [...(instructions ? [{ role: 'system' as const, content: instructions }] : []), ...messages],
    max_completion_tokens: most,
    reasoning_effort: reasoning?.effort,
    reasoning_format: 'auto', // an item of its own, and the text is the answer alone
    tools: toTools(params.tools),
    tool_choice: toToolChoice(params.tool_choice),
    response_format: toFormat(params.text),
    ...(truncation === 'auto' && { context_overflow: 'truncate' as const }),
  };
}

/** OpenAI has a function's fields beside its type here. */
function toTools(tools: ResponseParams['tools']): ChatTool[] | undefined {
  if (tools === undefined || tools === null) return undefined;
  if (!Array.isArray(tools)) throw new RequestError(`tools is ${shown(tools)}; it must be a list of functions.`);
  return tools.map((tool: ResponseTool, i) => {
    if (tool?.type !== 'function')
      throw new RequestError(`tools[${i}] is ${shown(tool)}, which is not supported; it must be { type: "function", name, parameters }.`, {
        code: 'unsupported_parameter',
      });
    const { type, name, description, parameters, strict, ...others } = tool;
    refuseParameters(Object.fromEntries(Object.entries(others).map(([field, value]) => [`tools[${i}].${field}`, value])), []);
    return { type, function: { name, description: description ?? undefined, parameters: parameters ?? undefined, strict } };
  });
}

function toToolChoice(choice: ResponseParams['tool_choice']): ToolChoice | null | undefined {
  if (typeof choice !== 'object' || choice === null) return choice;
  if (choice.type !== 'function' || typeof choice.name !== 'string')
    throw new RequestError(`tool_choice is ${shown(choice)}; it must be none, auto, required or { type: "function", name }.`);
  return { type: 'function', function: { name: choice.name } };
}

function toFormat(text: ResponseParams['text']): ResponseFormat | undefined {
  if (text === undefined || text === null) return undefined;
  if (typeof text !== 'object') throw new RequestError(`text is ${shown(text)}; it must be { format }.`);
  refuseParameters(Object.fromEntries(Object.entries(text).map(([name, value]) => [`text.${name}`, value])), ['text.format'], {
    'text.verbosity': ['medium'],
  });
  const { format } = text;
  if (format === undefined || format === null) return undefined;
  if (format.type === 'text' || format.type === 'json_object') return { type: format.type };
  const { schema } = format;
  if (format.type !== 'json_schema' || typeof schema !== 'object' || schema === null)
    throw new RequestError(
      `text.format is ${shown(format)}; it must be { type: "text" }, { type: "json_object" } or { type: "json_schema", name, schema }.`,
    );
  return { type: 'json_schema', json_schema: { name: format.name, schema, strict: format.strict } };
}
