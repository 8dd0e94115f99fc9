// What the AI SDK asks of an answer, as parameters of `chat.completions.create`. What cannot be done and does not change what the
// answer has to be comes back as a warning; the rest is refused by the engine, by name.
import { type LanguageModelV4CallOptions, type LanguageModelV4ToolChoice, type SharedV4Warning } from '@ai-sdk/provider';
import { type ChatCompletionParams } from '../api/completions/chat.ts';
import { schemaInstruction, withInstruction } from '../api/completions/instruction.ts';
import { type ResponseFormat } from '../api/completions/response-format.ts';
import { type ChatTool, type ToolChoice } from '../api/completions/tools.ts';
import { type ProviderEngine, providerName } from './engine.ts';
import { toMessages } from './prompt.ts';

export interface Call {
  params: ChatCompletionParams;
  warnings: SharedV4Warning[];
}

/** `providerOptions.windrow` are parameters of windrow's own, like `min_p`, and go before those of the SDK. @throws RequestError */
export function toCall(options: LanguageModelV4CallOptions, info: ProviderEngine['info']): Call {
  const warnings: SharedV4Warning[] = [];
  const messages = toMessages(options.prompt);
  const format = toFormat(options.responseFormat);
  return {
    params: {
      temperature: options.temperature,
      top_p: options.topP,
      top_k: options.topK,
      presence_penalty: options.presencePenalty,
      frequency_penalty: options.frequencyPenalty,
      seed: options.seed,
      stop: options.stopSequences,
      max_completion_tokens: options.maxOutputTokens,
      reasoning_effort: toEffort(options.reasoning, info, warnings),
      reasoning_format: 'auto',
      tools: toTools(options.tools, warnings),
      tool_choice: toToolChoice(options.toolChoice),
      response_format: format,
      ...options.providerOptions?.[providerName],
      messages: format ? withInstruction(messages, instruction(format)) : messages,
      n: 1,
    },
    warnings,
  };
}

function toFormat(asked: LanguageModelV4CallOptions['responseFormat']): ResponseFormat | undefined {
  if (asked?.type !== 'json') return undefined;
  const { schema, name, description } = asked;
  return schema ? { type: 'json_schema', json_schema: { name, description, schema: schema as Record<string, unknown> } } : { type: 'json_object' };
}

function instruction(format: ResponseFormat): string {
  if (format.type !== 'json_schema') return 'Answer with a JSON object.';
  const { name, description, schema } = format.json_schema;
  return schemaInstruction(schema, [name, description].filter((text) => text !== undefined).join(': '));
}

function toEffort(
  effort: LanguageModelV4CallOptions['reasoning'],
  { reasoningEffort, thinking }: ProviderEngine['info'],
  warnings: SharedV4Warning[],
): ChatCompletionParams['reasoning_effort'] {
  if (effort === undefined || effort === 'provider-default') return undefined;
  if (reasoningEffort || thinking) return effort;
  warnings.push({ type: 'unsupported', feature: 'reasoning', details: "The model's chat template has no such choice." });
  return undefined;
}

function toTools(tools: LanguageModelV4CallOptions['tools'], warnings: SharedV4Warning[]): ChatTool[] | undefined {
  return tools?.flatMap((tool): ChatTool[] => {
    if (tool.type === 'provider') {
      warnings.push({ type: 'unsupported', feature: `provider tool ${tool.id}`, details: 'Tools are functions of the page.' });
      return [];
    }
    const { name, description, inputSchema, inputExamples } = tool;
    if (inputExamples?.length)
      warnings.push({ type: 'unsupported', feature: `inputExamples of ${name}`, details: 'Chat templates have no place for them.' });
    return [{ type: 'function', function: { name, description, parameters: inputSchema as Record<string, unknown> } }];
  });
}

function toToolChoice(choice: LanguageModelV4ToolChoice | undefined): ToolChoice | undefined {
  return choice?.type === 'tool' ? { type: 'function', function: { name: choice.toolName } } : choice?.type;
}
