// OpenAI's `tools`, `tool_choice` and `parallel_tool_calls`, and the messages in which functions were called.
import { RequestError, shown } from '../../errors.ts';
import { type ChatMessage, type ToolCallDelta, type ToolRequest } from '../../protocol.ts';

export interface ChatTool {
  type: 'function';
  function: { name: string; description?: string; parameters?: Record<string, unknown>; strict?: boolean | null };
}

export interface ChatToolCall {
  id: string;
  type: 'function';
  function: { name: string; arguments: string };
}

/** As callers give it back: what was answered, or with arguments that are an object already. */
export interface ToolCallParam {
  id: string;
  type?: string;
  function?: { name: string; arguments: unknown };
}

export type ToolChoice = 'none' | 'auto' | 'required' | { type: 'function'; function: { name: string } };

export interface ToolParams {
  /** Functions that the model may call: its arguments pass their schemas. */
  tools?: ChatTool[] | null;
  /** Default `auto`: the model says whether it calls one. */
  tool_choice?: ToolChoice | null;
  /** Whether there may be several calls. Default true. */
  parallel_tool_calls?: boolean | null;
}

const mostTools = 128;

/** Undefined where nothing may be called. */
export function toTools({ tools, tool_choice: choice, parallel_tool_calls: parallel }: ToolParams): ToolRequest | undefined {
  if (tools !== undefined && tools !== null && !Array.isArray(tools)) throw new RequestError(`tools is ${shown(tools)}; it must be a list of functions.`);
  if (parallel !== undefined && parallel !== null && typeof parallel !== 'boolean')
    throw new RequestError(`parallel_tool_calls is ${shown(parallel)}; it must be true or false.`);
  const all = (tools ?? []).map(toTool);
  if (all.length > mostTools) throw new RequestError(`There are ${all.length} tools; there may be ${mostTools}.`);
  const twice = all.find(({ name }, i) => all.findIndex((other) => other.name === name) < i);
  if (twice) throw new RequestError(`Two tools are called ${twice.name}; each needs a name of its own.`);
  const named = typeof choice === 'object' ? choice?.function?.name : undefined;
  const isChoice = choice === undefined || choice === null || choice === 'none' || choice === 'auto' || choice === 'required' || typeof named === 'string';
  if (!isChoice)
    throw new RequestError(`tool_choice is ${shown(choice)}; it must be none, auto, required or { type: "function", function: { name } }.`);
  const chosen = named === undefined ? all : all.filter(({ name }) => name === named);
  if ((named !== undefined || choice === 'required') && !chosen.length)
    throw new RequestError(
      named === undefined ? 'tool_choice is required, but there are no tools.' : `tool_choice names ${shown(named)}, which is none of the tools.`,
    );
  if (!chosen.length || choice === 'none') return undefined;
  return { tools: chosen, required: choice === 'required' || named !== undefined, parallel: named === undefined && parallel !== false };
}

function toTool(tool: ChatTool, i: number): ToolRequest['tools'][number] {
  const { name, description, parameters } = tool?.function ?? {};
  if (tool?.type !== 'function' || typeof name !== 'string')
    throw new RequestError(`tools[${i}] is ${shown(tool)}; it must be { type: "function", function: { name, parameters } }.`);
  if (!/^[\w-]{1,64}$/.test(name)) throw new RequestError(`tools[${i}] is called ${shown(name)}; a name has 1 to 64 letters, digits, _ and -.`);
  if (description !== undefined && typeof description !== 'string')
    throw new RequestError(`The description of ${name} is ${shown(description)}; it must be text.`);
  if (parameters !== undefined && (typeof parameters !== 'object' || parameters === null || Array.isArray(parameters)))
    throw new RequestError(`The parameters of ${name} are ${shown(parameters)}; they must be the JSON schema of an object.`);
  return { name, ...(description !== undefined && { description }), ...(parameters && { parameters: plain(parameters, name) }) };
}

function plain(parameters: object, name: string): unknown {
  try {
    return JSON.parse(JSON.stringify(parameters)) as unknown;
  } catch (error) {
    throw new RequestError(`The parameters of ${name} are no JSON: ${(error as Error).message}`);
  }
}

/** What a message says of calls, checked; `where` names it. */
export interface CallFields {
  tool_calls?: unknown;
  tool_call_id?: unknown;
  name?: unknown;
  reasoning_content?: unknown;
}

/** Arguments as an object, as templates want them. */
export function toCallFields(role: string, { tool_calls: calls, ...texts }: CallFields, where: string): Partial<ChatMessage> {
  const fields: Record<string, unknown> = {};
  const belongs = { tool_call_id: 'tool', name: 'tool', reasoning_content: 'assistant' } as const;
  for (const [field, owner] of Object.entries(belongs)) {
    const value = texts[field as keyof typeof texts];
    if (value === undefined || value === null) continue;
    if (typeof value !== 'string' || role !== owner)
      throw new RequestError(`${where}.${field} is ${shown(value)}; it must be text, of a message of the role ${owner}.`, { code: 'unsupported_parameter' });
    fields[field] = value;
  }
  if (calls === undefined || calls === null || (Array.isArray(calls) && !calls.length)) return fields;
  if (role !== 'assistant' || !Array.isArray(calls))
    throw new RequestError(`${where}.tool_calls is ${shown(calls)}; it must be a list of calls, of a message of the assistant.`, {
      code: 'unsupported_parameter',
    });
  return { ...fields, tool_calls: calls.map((call, i) => toCall(call as ToolCallParam, `${where}.tool_calls[${i}]`)) };
}

function toCall(call: ToolCallParam, where: string): NonNullable<ChatMessage['tool_calls']>[number] {
  const { name, arguments: args } = call?.function ?? {};
  if (typeof call?.id !== 'string' || typeof name !== 'string' || args === undefined)
    throw new RequestError(`${where} is ${shown(call)}; it must be { id, type: "function", function: { name, arguments } }.`);
  try {
    return { id: call.id, type: 'function', function: { name, arguments: typeof args !== 'string' ? args : args.trim() ? (JSON.parse(args) as unknown) : {} } };
  } catch {
    throw new RequestError(`${where}.function.arguments is ${shown(args)}, which is no JSON.`);
  }
}

export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Whether arguments have come to their end: nothing can follow an object. */
export const isWholeObject = (args: string): boolean => args.trimStart().startsWith('{') && isJson(args);

/** Calls of a whole answer, of their pieces. */
export function wholeCalls(pieces: readonly ToolCallDelta[]): ChatToolCall[] {
  const calls: ChatToolCall[] = [];
  for (const { index, id, name, arguments: args } of pieces) {
    calls[index] ??= { id: id!, type: 'function', function: { name: name!, arguments: '' } };
    calls[index].function.arguments += args;
  }
  return calls;
}

export interface ChatToolCallDelta {
  index: number;
  id?: string;
  type?: 'function';
  function: { name?: string; arguments: string };
}

/** A piece as OpenAI's chunks have it. */
export const callDelta = ({ index, id, name, arguments: args }: ToolCallDelta): ChatToolCallDelta =>
  ({ index, ...(id !== undefined && { id, type: 'function' as const }), function: { ...(name !== undefined && { name }), arguments: args } });
