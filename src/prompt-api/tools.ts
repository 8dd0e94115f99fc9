// Functions of a session as those of a chat, and how they are called.
import { type ChatCompletionParams, type ChatMessageParam } from '../api/completions/chat.ts';
import { type ChatTool, type ChatToolCall } from '../api/completions/tools.ts';
import { shown } from '../errors.ts';
import { type Tool } from './types.ts';

/** How often functions are called for one answer. Then it is made of what there is: models may call the same one again and again. */
export const mostRounds = 16;

/** @throws TypeError. What the engine does not take is told by name once it is asked. */
export function toTools(tools: readonly Tool[] | undefined): readonly Tool[] {
  if (tools === undefined) return [];
  if (!Array.isArray(tools)) throw new TypeError(`tools is ${shown(tools)}; it must be an array of { name, description, inputSchema, execute }.`);
  return tools.map((tool: Tool | null, i) => {
    const { name, description, inputSchema, execute } = tool ?? ({} as Partial<Tool>);
    if (typeof name !== 'string' || !/^[\w-]{1,64}$/.test(name))
      throw new TypeError(`tools[${i}].name is ${shown(name)}; it must have 1 to 64 letters, digits, _ and -.`);
    if (tools.findIndex((other: Tool | null) => other?.name === name) < i) throw new TypeError(`Two tools are called ${name}; each needs a name of its own.`);
    if (typeof description !== 'string') throw new TypeError(`The description of ${name} is ${shown(description)}; it must be text.`);
    if (typeof inputSchema !== 'object' || inputSchema === null || Array.isArray(inputSchema))
      throw new TypeError(`The inputSchema of ${name} is ${shown(inputSchema)}; it must be the JSON schema of an object.`);
    if (typeof execute !== 'function') throw new TypeError(`The execute of ${name} is ${shown(execute)}; it must be a function.`);
    return { name, description, inputSchema, execute };
  });
}

export const toChatTools = (tools: readonly Tool[]): ChatTool[] =>
  tools.map(({ name, description, inputSchema }) => ({
    type: 'function',
    function: { name, description, parameters: inputSchema as Record<string, unknown> },
  }));

/** As parameters of a chat in which functions were called so often. */
export const toolParams = (tools: readonly Tool[], rounds: number): Pick<ChatCompletionParams, 'tools' | 'tool_choice'> =>
  tools.length ? { tools: toChatTools(tools), ...(rounds >= mostRounds && { tool_choice: 'none' as const }) } : {};

/**
 * Calls all of them at once; their results in the order of the calls. @throws what a function throws; TypeError for a result that is no text;
 * OperationError for a call of what is no tool, or with what is no JSON
 */
export function callTools(tools: readonly Tool[], calls: readonly ChatToolCall[]): Promise<ChatMessageParam[]> {
  return Promise.all(
    calls.map(async ({ id, function: { name, arguments: args } }): Promise<ChatMessageParam> => {
      const tool = tools.find((each) => each.name === name);
      if (!tool) throw failed(`The model called ${shown(name)}, which is none of the tools: ${tools.map((each) => each.name).join(', ')}.`);
      const content: unknown = await tool.execute(readArguments(name, args));
      if (typeof content !== 'string') throw new TypeError(`The tool ${name} gave ${shown(content)}; it must give text.`);
      return { role: 'tool', tool_call_id: id, content };
    }),
  );
}

function readArguments(name: string, args: string): Record<string, unknown> {
  try {
    return JSON.parse(args || '{}') as Record<string, unknown>;
  } catch (error) {
    throw failed(`The model called ${name} with arguments that are no JSON: ${(error as Error).message}.`);
  }
}

const failed = (message: string): DOMException => new DOMException(message, 'OperationError');
