// Chunks of `chat.completions.create` as the parts of the AI SDK's streams.
import { type LanguageModelV4FinishReason, type LanguageModelV4StreamPart, type SharedV4Warning } from '@ai-sdk/provider';
import { type ChatCompletionChunk, type ChatDelta, type ChatUsage } from '../api/completions/chat.ts';
import { type ChatToolCallDelta } from '../api/completions/tools.ts';
import { toFinishReason, toUsage } from './answer.ts';

type Part = LanguageModelV4StreamPart;

export interface PartsOptions {
  warnings: SharedV4Warning[];
  /** Whether chunks come as they are, too. */
  raw?: boolean;
  signal?: AbortSignal;
}

/** Throws the signal's reason where it is aborted. What goes wrong otherwise is a part, and the last one has the reason `error`. */
export async function* streamParts(chunks: AsyncIterable<ChatCompletionChunk>, { warnings, raw, signal }: PartsOptions): AsyncGenerator<Part, void, void> {
  yield { type: 'stream-start', warnings };
  const blocks = blocksOf();
  let isFirst = true;
  let finishReason: LanguageModelV4FinishReason = { unified: 'interrupted', raw: undefined }; // unless a chunk has one
  let usage: ChatUsage | undefined;
  try {
    for await (const chunk of chunks) {
      if (isFirst) yield { type: 'response-metadata', id: chunk.id, timestamp: new Date(chunk.created * 1000), modelId: chunk.model };
      isFirst = false;
      if (raw) yield { type: 'raw', rawValue: chunk };
      usage = chunk.usage ?? usage;
      const [choice] = chunk.choices;
      if (choice) yield* blocks.take(choice.delta);
      if (choice?.finish_reason) finishReason = toFinishReason(choice.finish_reason);
    }
  } catch (error) {
    signal?.throwIfAborted();
    yield { type: 'error', error };
    finishReason = { unified: 'error', raw: undefined };
  }
  signal?.throwIfAborted(); // an aborted answer just ends
  yield* blocks.end();
  yield { type: 'finish', finishReason, usage: toUsage(usage) };
}

interface Block {
  kind: 'text' | 'reasoning' | 'call';
  id: string;
  /** Of a call: its function, and its arguments so far. */
  toolName?: string;
  input?: string;
}

/** Text, reasoning and calls as blocks with a beginning and an end, one after the other: where one begins, the one before has ended. */
function blocksOf() {
  let open: Block | undefined;
  let count = 0;

  const end = (): Part[] => {
    if (!open) return [];
    const { kind, id, toolName, input } = open;
    open = undefined;
    if (kind !== 'call') return [{ type: `${kind}-end`, id }];
    return [{ type: 'tool-input-end', id }, { type: 'tool-call', toolCallId: id, toolName: toolName!, input: input! }];
  };
  const piece = (kind: 'text' | 'reasoning', delta: string): Part[] => {
    if (open?.kind === kind) return [{ type: `${kind}-delta`, id: open.id, delta }];
    const id = String(count++);
    const ended = end();
    open = { kind, id };
    return [...ended, { type: `${kind}-start`, id }, { type: `${kind}-delta`, id, delta }];
  };
  /** The first piece of a call has its id and its name, and those that follow are of it until the next one's. */
  const call = ({ id, function: { name: toolName, arguments: delta } }: ChatToolCallDelta): Part[] => {
    const parts: Part[] = [];
    if (id !== undefined) {
      parts.push(...end(), { type: 'tool-input-start', id, toolName: toolName! });
      open = { kind: 'call', id, toolName, input: '' };
    }
    open!.input += delta;
    return delta ? [...parts, { type: 'tool-input-delta', id: open!.id, delta }] : parts;
  };

  const take = ({ reasoning_content: reasoning, content, tool_calls: calls = [] }: ChatDelta): Part[] => [
    ...(reasoning ? piece('reasoning', reasoning) : []),
    ...(content ? piece('text', content) : []),
    ...calls.flatMap(call),
  ];
  return { take, end };
}
