// The AI SDK's language model over `chat.completions.create`.
import { type LanguageModelV4 } from '@ai-sdk/provider';
import { toContent, toFinishReason, toMetadata, toUsage } from './answer.ts';
import { toCall } from './call-options.ts';
import { type ProviderEngine, providerName } from './engine.ts';
import { streamParts } from './stream-parts.ts';

export const languageModel = (engine: ProviderEngine): LanguageModelV4 => ({
  specificationVersion: 'v4',
  provider: providerName,
  modelId: engine.info.name,
  supportedUrls: {},

  /** Rejects with the signal's reason. @throws as `chat.completions.create` */
  async doGenerate(options) {
    const { params, warnings } = toCall(options, engine.info);
    const answer = await engine.chat.completions.create({ ...params, stream: false }, { signal: options.abortSignal });
    const { choices, usage, stats, id, created, model } = answer;
    return {
      content: toContent(choices[0].message),
      finishReason: toFinishReason(choices[0].finish_reason),
      usage: toUsage(usage),
      providerMetadata: toMetadata(stats),
      response: { id, timestamp: new Date(created * 1000), modelId: model },
      warnings,
    };
  },

  /** Rejects for wrong options; what goes wrong later is a part of the stream. Leaving the stream early stops the request. */
  async doStream(options) {
    const { params, warnings } = toCall(options, engine.info);
    const signal = options.abortSignal;
    const chunks = await engine.chat.completions.create({ ...params, stream: true, stream_options: { include_usage: true } }, { signal });
    const parts = streamParts(chunks, { warnings, raw: options.includeRawChunks, signal });
    return { stream: streamOf(parts, () => chunks.return?.()) };
  },
});

/** `cancel` is called where the reader leaves early. In browsers without `ReadableStream.from` too. */
const streamOf = <T>(items: AsyncIterator<T>, cancel: () => unknown): ReadableStream<T> =>
  new ReadableStream<T>({
    async pull(controller) {
      const next = await items.next();
      if (next.done) controller.close();
      else controller.enqueue(next.value);
    },
    async cancel() {
      await cancel();
    },
  });
