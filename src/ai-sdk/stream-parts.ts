// Chunks of `chat.completions.create` as the parts of the AI SDK's streams.
import { type LanguageModelV4FinishReason, type LanguageModelV4StreamPart, type SharedV4Warning } from '@ai-sdk/provider';
import { type ChatCompletionChunk, type ChatDelta, type ChatUsage } from '../api/completions/chat.ts';
import { type ChatToolCallDelta, isWholeObject } from '../api/completions/tools.ts';
import { toFinishReason, toMetadata, toUsage } from './answer.ts';

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
  let stats: ChatCompletionChunk['stats'];
  try {
    for await (const chunk of chunks) {
      if (isFirst) yield { type: 'response-metadata', id: chunk.id, timestamp: new Date(chunk.created * 1000), modelId: chunk.model };
      isFirst = false;
      if (raw) yield { type: 'raw', rawValue: chunk };
      usage = chunk.usage ?? usage;
      stats = chunk.stats ?? stats;
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
  yield { type: 'finish', finishReason, usage: toUsage(usage), ...(stats && { providerMetadata: toMetadata(stats) }) };
}

interface Block {
  kind: 'text' | 'reasoning' | 'call';
  id: string;
  /** Of a call: the index by which its pieces are told, its function, and its arguments so far. */
  index?: number;
  toolName?: string;
  input?: string;
}

/**
 * Text, reasoning and calls as blocks with a beginning and an end, one after the other: where one begins, those before have ended, but for calls
 * whose arguments have not, as servers may mix the pieces of several.
 */
function blocksOf() {
  let open: Block[] = [];
  let count = 0;

  const close = (ended: readonly Block[]): Part[] => {
    open = open.filter((block) => !ended.includes(block));
    return ended.flatMap(({ kind, id, toolName, input }): Part[] =>
      kind !== 'call'
        ? [{ type: `${kind}-end`, id }]
        : [{ type: 'tool-input-end', id }, { type: 'tool-call', toolCallId: id, toolName: toolName!, input: input! }],
    );
  };
  const begin = (block: Block): Part[] => {
    const parts = close(open.filter(({ kind, input }) => kind !== 'call' || isWholeObject(input!)));
    open.push(block);
    return parts;
  };
  const piece = (kind: 'text' | 'reasoning', delta: string): Part[] => {
    const there = open.find((block) => block.kind === kind);
    if (there) return [{ type: `${kind}-delta`, id: there.id, delta }];
    const id = String(count++);
    return [...begin({ kind, id }), { type: `${kind}-start`, id }, { type: `${kind}-delta`, id, delta }];
  };
  /** The first piece of a call has its id and its name. */
  const call = ({ index, id, function: { name: toolName, arguments: delta } }: ChatToolCallDelta): Part[] => {
    const there = open.find((block) => block.kind === 'call' && block.index === index);
    if (!there && toolName === undefined) return []; // behind a whole call there are blanks at most
    const parts = there ? [] : begin({ kind: 'call', index, id: id!, toolName, input: '' });
    if (!there) parts.push({ type: 'tool-input-start', id: id!, toolName: toolName! });
    const block = there ?? open.at(-1)!;
    block.input += delta;
    return delta ? [...parts, { type: 'tool-input-delta', id: block.id, delta }] : parts;
  };

  const take = ({ reasoning_content: reasoning, content, tool_calls: calls = [] }: ChatDelta): Part[] => [
    ...(reasoning ? piece('reasoning', reasoning) : []),
    ...(content ? piece('text', content) : []),
    ...calls.flatMap(call),
  ];
  return { take, end: () => close(open) };
}
