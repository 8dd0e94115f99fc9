// The AI SDK's messages as OpenAI's.
import { type LanguageModelV4Message, type LanguageModelV4Prompt, type LanguageModelV4ToolResultPart } from '@ai-sdk/provider';
import { type ChatMessageParam } from '../api/completions/chat.ts';
import { RequestError } from '../errors.ts';

/** @throws RequestError for files and what else is no text */
export const toMessages = (prompt: LanguageModelV4Prompt): ChatMessageParam[] => prompt.flatMap(toMessage);

function toMessage(message: LanguageModelV4Message): ChatMessageParam[] {
  switch (message.role) {
    case 'system':
      return [{ role: 'system', content: message.content }];
    case 'user':
      return [{ role: 'user', content: message.content.map((part) => (part.type === 'text' ? part.text : refuse(part.type))).join('') }];
    case 'assistant':
      return [toAnswer(message.content)];
    case 'tool': // whether a call was allowed is between the SDK and the page: the model is told the results
      return message.content.flatMap((part) => (part.type === 'tool-result' ? [toResult(part)] : []));
  }
}

function toAnswer(content: Extract<LanguageModelV4Message, { role: 'assistant' }>['content']): ChatMessageParam {
  let text = '';
  let reasoning = '';
  const calls: NonNullable<ChatMessageParam['tool_calls']> = [];
  for (const part of content) {
    if (part.type === 'text') text += part.text;
    else if (part.type === 'reasoning') reasoning += part.text;
    else if (part.type === 'tool-call') calls.push({ id: part.toolCallId, type: 'function', function: { name: part.toolName, arguments: part.input } });
    else refuse(part.type);
  }
  return {
    role: 'assistant',
    content: calls.length && !text ? null : text,
    ...(reasoning && { reasoning_content: reasoning }),
    ...(calls.length && { tool_calls: calls }),
  };
}

const toResult = ({ toolCallId, toolName, output }: LanguageModelV4ToolResultPart): ChatMessageParam => ({
  role: 'tool',
  tool_call_id: toolCallId,
  name: toolName,
  content: toText(output),
});

function toText(output: LanguageModelV4ToolResultPart['output']): string {
  switch (output.type) {
    case 'text':
    case 'error-text':
      return output.value;
    case 'json':
    case 'error-json':
      return JSON.stringify(output.value);
    case 'execution-denied':
      return output.reason ?? 'This call was not allowed.';
    case 'content':
      return output.value.map((part) => (part.type === 'text' ? part.text : refuse(part.type))).join('\n');
  }
}

function refuse(part: string): never {
  throw new RequestError(`The prompt has a part of the type ${part}, which is not supported: models of windrow read text. Leave it out.`, {
    code: 'unsupported_parameter',
  });
}
